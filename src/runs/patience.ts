import type { Failure } from '../errors.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
/** First wait where nobody named one; doubles up to the longest. */
const FIRST_WAIT = 5;
const LONGEST_WAIT = 5 * MINUTE;
/** A registry or storage that is down is waited for so long; only a throttled one gets the operator's hours. */
const OUTAGE_WAIT = 30 * MINUTE;

/**
 * How long a run goes on trying. Pure and deterministic, so that an orchestrator may use it: seconds in, seconds
 * out, no clock.
 */
export class Patience {
  readonly #throttleBudget: number;
  #throttled = 0;
  #down = 0;
  #failures = 0;
  #mismatched = false;
  #waited = 0;

  constructor(maxWaitHours: number) {
    this.#throttleBudget = maxWaitHours * HOUR;
  }

  /** Seconds of all waits so far. */
  get waited(): number {
    return this.#waited;
  }

  /** Something went well: the next failure starts the doubling anew. */
  progressed(): void {
    this.#failures = 0;
    this.#down = 0;
  }

  /**
   * Seconds to wait before trying again; undefined where it is time to give up.
   * @param took seconds that the try took: one that hangs is waited for as well
   */
  waitFor(failure: Failure, took = 0): number | undefined {
    const seconds = this.#waitFor(failure, took);
    this.#waited += seconds ?? 0;
    return seconds;
  }

  #waitFor(failure: Failure, took: number): number | undefined {
    if (failure.code === 'digest_mismatch' && !this.#mismatched) {
      // Damaged on the way, or damaged at the registry: the second reading tells.
      this.#mismatched = true;
      return FIRST_WAIT;
    }
    if (!failure.retryable) return undefined;
    const backoff = Math.min(FIRST_WAIT * 2 ** this.#failures, LONGEST_WAIT);
    const seconds = Math.max(failure.retryAfterSeconds ?? 0, backoff);
    this.#failures += 1;
    if (failure.code === 'registry_throttled') {
      this.#throttled += seconds;
      return this.#throttled <= this.#throttleBudget ? seconds : undefined;
    }
    this.#down += took + seconds;
    return this.#down <= OUTAGE_WAIT ? seconds : undefined;
  }

  /** What a run ends with whose patience has ended: what may pass says when to ask again. */
  gaveUp(failure: Failure): Failure {
    if (!failure.retryable || this.#failures === 0) return failure;
    const seconds = Math.max(failure.retryAfterSeconds ?? 0, LONGEST_WAIT);
    const tries = this.#failures === 1 ? 'one try' : `${this.#failures} tries`;
    return {
      ...failure,
      detail: `${failure.detail} It was given up after ${tries}; ask for the image again in ${inWords(seconds)}.`,
      retryAfterSeconds: seconds,
    };
  }
}

function inWords(seconds: number): string {
  const minutes = Math.ceil(seconds / MINUTE);
  return minutes < 120 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`;
}

/** What decides how it goes on: a failure that is final, else the one with the longest wait. */
export function worstOf(failures: readonly Failure[]): Failure | undefined {
  const byWait = failures.toSorted((a, b) => (b.retryAfterSeconds ?? 0) - (a.retryAfterSeconds ?? 0));
  return byWait.find(({ retryable }) => !retryable) ?? byWait[0];
}
