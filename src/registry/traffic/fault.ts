import { CacheError } from '../../errors.ts';
import { printableHost } from '../net/egressRules.ts';

/** Seconds after which to ask a throttling registry again where it names none: the window of Azure's registries. */
const THROTTLE_WINDOW_SECONDS = 60;

/**
 * A failure of one request. It stays within src/registry: once the retries are used up, or are of no use, it becomes
 * the CacheError that callers see.
 */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: 'registry_throttled' | 'registry_unavailable' | 'digest_mismatch';
  /** What the server asked for. */
  readonly retryAfterMs: number | undefined;
  /** Nobody answers, at the host at all or for such requests: it is left alone for a while, by everybody. */
  readonly outage: 'host' | 'purpose' | undefined;
  /** Asking again gives the same: a redirect that leads in a circle, a login page. */
  readonly isLasting: boolean;
  /** What was wrong, exactly. Where it is the same again and again, so is the answer: chance is not. */
  readonly evidence: string | undefined;
  /** Who answered so, where it may be another host than the one that was asked. */
  readonly host: string | undefined;

  constructor(
    reason: string,
    options: {
      readonly code?: Fault['code'];
      readonly retryAfterMs?: number | undefined;
      readonly outage?: Fault['outage'];
      readonly isLasting?: boolean;
      readonly evidence?: string | undefined;
      readonly host?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code ?? 'registry_unavailable';
    this.retryAfterMs = options.retryAfterMs;
    this.outage = options.outage;
    this.isLasting = options.isLasting ?? false;
    this.evidence = options.evidence;
    this.host = options.host;
  }

  /**
   * @param isLasting it has been found to be the same each time
   * @param host who was asked
   * @param what was being done: "reading the manifest of ubuntu"
   */
  toCacheError(host: string, what: string, isLasting = this.isLasting): CacheError {
    const detail = this.#detail(this.host ?? host, what, isLasting);
    if (isLasting) return new CacheError(this.code, detail, { cause: this, retryable: false });
    const wait =
      this.retryAfterMs === undefined
        ? this.code === 'registry_throttled'
          ? THROTTLE_WINDOW_SECONDS
          : undefined
        : Math.max(1, Math.ceil(this.retryAfterMs / 1000));
    return new CacheError(this.code, detail, {
      cause: this,
      ...(wait !== undefined && { retryAfterSeconds: wait }),
    });
  }

  #detail(host: string, what: string, isLasting: boolean): string {
    switch (this.code) {
      case 'registry_throttled':
        return `${host} limits how much may be pulled (${this.message}) while ${what}. Try again later, or give credentials with a higher limit in DOCKER_AUTH_CONFIG.`;
      case 'digest_mismatch':
        return `${host} sent other content than was asked for, ${what}: ${this.message}. Push the image again, or ask the registry's operator.`;
      case 'registry_unavailable':
        return isLasting
          ? `${host} could not be used, ${what}: ${this.message}. It would be the same again: check the name of the registry, or ask its operator.`
          : `${host} could not be used, ${what}: ${this.message}. Try again later.`;
    }
  }
}

/** A registry's answers are not for browsers: somebody stands before it who wants a sign-in there. */
export function webPage({ url }: { readonly url: URL }, wanted: string): Fault {
  return new Fault(`it answered with a web page (a login page, perhaps) where ${wanted} was asked for`, {
    host: printableHost(url),
    isLasting: true,
  });
}
