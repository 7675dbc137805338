import { ServiceError } from './imageCacheService.ts';

/** A service that is restarted, or a network that blinks, is no reason to lose sight of images. */
const MAX_OUTAGE_MS = 60_000;

/** Bears a service that does not answer for up to a minute. */
export class Outage {
  readonly #maxMs: number;
  readonly #told: (error: ServiceError) => void;
  #since: number | undefined;

  /** @param told hears of the error with which it begins */
  constructor(told: (error: ServiceError) => void, maxMs = MAX_OUTAGE_MS) {
    this.#told = told;
    this.#maxMs = maxMs;
  }

  /**
   * @returns undefined where the service is out for the moment
   * @throws {ServiceError} what trying again will not mend, or has not
   */
  async bear<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await call();
      this.#since = undefined;
      return answer;
    } catch (error) {
      if (!(error instanceof ServiceError) || !error.retryable) throw error;
      const now = performance.now();
      if (this.#since === undefined) this.#told(error);
      this.#since ??= now;
      if (now - this.#since >= this.#maxMs) throw error;
      return undefined;
    }
  }
}
