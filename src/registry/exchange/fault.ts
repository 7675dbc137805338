import { CacheError } from '../../errors.ts';

/** Seconds after which to ask a throttling registry again where it names none: the window of Azure's registries. */
const THROTTLE_WINDOW_SECONDS = 60;

/**
 * A failure that may go away when the same is asked again. It stays within src/registry: once the retries
 * are used up it becomes the CacheError that callers see.
 */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: 'registry_throttled' | 'registry_unavailable' | 'digest_mismatch';
  /** What the server asked for. */
  readonly retryAfterMs: number | undefined;
  /** Nobody answers, at the host at all or for such requests: it is left alone for a while, by everybody. */
  readonly outage: 'host' | 'purpose' | undefined;

  constructor(
    reason: string,
    options: {
      readonly code?: Fault['code'];
      readonly retryAfterMs?: number | undefined;
      readonly outage?: Fault['outage'];
      readonly cause?: unknown;
    } = {},
  ) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code ?? 'registry_unavailable';
    this.retryAfterMs = options.retryAfterMs;
    this.outage = options.outage;
  }

  toCacheError(host: string, what: string): CacheError {
    const wait =
      this.retryAfterMs === undefined
        ? this.code === 'registry_throttled'
          ? THROTTLE_WINDOW_SECONDS
          : undefined
        : Math.max(1, Math.ceil(this.retryAfterMs / 1000));
    const detail =
      this.code === 'registry_throttled'
        ? `${host} limits how much may be pulled (${this.message}) while ${what}. Try again later, or give credentials with a higher limit in DOCKER_AUTH_CONFIG.`
        : this.code === 'digest_mismatch'
          ? `${host} sent other content than was asked for, ${what}: ${this.message}. Push the image again, or ask the registry's operator.`
          : `${host} could not be used, ${what}: ${this.message}. Try again later.`;
    return new CacheError(this.code, detail, {
      cause: this,
      ...(wait !== undefined && { retryAfterSeconds: wait }),
    });
  }
}
