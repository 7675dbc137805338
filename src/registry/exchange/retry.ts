import { setTimeout as sleep } from 'node:timers/promises';
import { jitteredDelay, type SharedBackoff } from '../traffic/backoff.ts';
import type { Log } from './events.ts';
import { Fault } from '../traffic/fault.ts';
import type { Timing } from '../traffic/timing.ts';

/** Answers that may be different next time, with why. */
const TRANSIENT_STATUS: ReadonlyMap<number, string> = new Map([
  [408, 'it timed out waiting for our request'],
  [425, 'it was not ready for our request'],
  [429, 'too many requests'],
  [499, 'a proxy in front of it gave up'],
  [500, 'an error inside it'],
  [502, 'a proxy could not reach it'],
  [503, 'it is overloaded or being updated'],
  [504, 'a proxy timed out waiting for it'],
  [520, 'its CDN got a broken answer from it'],
  [521, 'its CDN could not connect to it'],
  [522, 'its CDN timed out connecting to it'],
  [523, 'its CDN could not reach it'],
  [524, 'its CDN timed out waiting for it'],
]);

export function transientReason(status: number): string | undefined {
  const reason = TRANSIENT_STATUS.get(status);
  return reason === undefined ? undefined : `${status}: ${reason}`;
}

/**
 * How often in a row the very same must be wrong before it counts as what the server has. Content is not damaged in
 * the same way twice; that a connection breaks at the same byte is chance once, not twice.
 */
const SAME_CONTENT = 2;
const SAME_BREAK = 3;

/** Bytes that have to arrive before earlier failures are forgiven: a server cannot drip us on for ever. */
const FORGIVING_PROGRESS_BYTES = 64 * 1024;

export interface RetryContext {
  readonly timing: Timing;
  readonly backoff: SharedBackoff;
  readonly log: Log;
}

/** Counts the failures of one piece of work; says when to try again and when to stop. */
export class RetryBudget {
  readonly #context: RetryContext;
  readonly #what: string;
  #failures = 0;
  #progress = 0;
  #evidence: string | undefined;
  #same = 0;

  /** @param what for messages: "reading the manifest of ubuntu" */
  constructor(context: RetryContext, what: string) {
    this.#context = context;
    this.#what = what;
  }

  progressed(bytes: number): void {
    if (this.#failures === 0) return;
    this.#progress += bytes;
    if (this.#progress >= FORGIVING_PROGRESS_BYTES) this.#failures = this.#progress = 0;
  }

  /**
   * Returns when the next try may start.
   * @param error what the last try failed with; anything but a Fault is thrown as it is
   * @throws {CacheError} when no tries are left, or the wait is one for the caller's timer
   */
  async failed(error: unknown, host: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (!(error instanceof Fault)) throw error;
    if (error.isLasting || this.#proves(error)) throw error.toCacheError(host, this.#what, true);
    const { timing, backoff, log } = this.#context;
    this.#failures += 1;
    const waitMs = error.retryAfterMs ?? jitteredDelay(this.#failures, timing);
    if (error.code === 'registry_throttled') backoff.throttled(host, waitMs);
    if (this.#failures >= timing.attempts || waitMs > timing.longestWaitMs) {
      throw error.toCacheError(host, this.#what);
    }
    log({
      type: 'retry',
      host,
      what: this.#what,
      reason: error.message,
      failures: this.#failures,
      waitMs: Math.round(waitMs),
    });
    await sleep(waitMs, undefined, { signal });
  }

  /** Whether the same has been wrong so often that it will be the next time. */
  #proves({ evidence, code }: Fault): boolean {
    this.#same = evidence !== undefined && evidence === this.#evidence ? this.#same + 1 : 1;
    this.#evidence = evidence;
    return evidence !== undefined && this.#same >= (code === 'digest_mismatch' ? SAME_CONTENT : SAME_BREAK);
  }
}

export async function withRetries<T>(
  context: RetryContext,
  host: string,
  what: string,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  const budget = new RetryBudget(context, what);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await budget.failed(error, host, signal);
    }
  }
}
