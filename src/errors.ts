/**
 * The closed set of errors that a caller can meet. Each code has one HTTP status; each message says what
 * happened, to what, and what to do next. Nothing secret goes into one: no token, no SAS, no stack.
 */
const STATUS = {
  invalid_reference: 400,
  invalid_request: 400,
  registry_not_allowed: 403,
  registry_denied: 403,
  cross_site_request: 403,
  image_not_found: 404,
  image_not_cached: 404,
  unsupported_image: 422,
  image_too_large: 422,
  image_cache_failed: 424,
  internal_error: 500,
  digest_mismatch: 502,
  registry_throttled: 503,
  registry_unavailable: 503,
  storage_unavailable: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

export const ERROR_CODES = Object.keys(STATUS) as readonly ErrorCode[];

export function statusOf(code: ErrorCode): number {
  return STATUS[code];
}

/** Codes that may go away by themselves, so that asking again makes sense. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'registry_throttled',
  'registry_unavailable',
  'storage_unavailable',
]);

/** Seconds to wait before asking again where nobody named a better figure. */
const DEFAULT_RETRY_AFTER_SECONDS = 10;

/** What crosses a process or history boundary in place of the Error object, whose type is lost there. */
export interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
  /** Whole seconds; only where retryable. */
  readonly retryAfterSeconds?: number;
}

export class CacheError extends Error {
  override readonly name = 'CacheError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    options: {
      readonly cause?: unknown;
      readonly retryAfterSeconds?: number;
      readonly retryable?: boolean;
    } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? RETRYABLE.has(code);
    this.retryAfterSeconds = this.retryable
      ? Math.ceil(options.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS)
      : undefined;
  }

  get status(): number {
    return statusOf(this.code);
  }

  toFailure(): Failure {
    return {
      code: this.code,
      detail: this.message,
      retryable: this.retryable,
      ...(this.retryAfterSeconds !== undefined && { retryAfterSeconds: this.retryAfterSeconds }),
    };
  }
}

/**
 * What an operator set wrongly. The message names the setting, for whoever starts the app: to a caller it is an
 * internal error, since no other request would do better.
 */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}
