import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { Fault } from './fault.ts';
import type { Timing } from './timing.ts';

/** Hosts whose wait is remembered. Hostile names cannot fill the memory, nor push each other out soon. */
const MAX_HOSTS = 10_000;

/** Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
export function jitteredDelay(failures: number, timing: Timing): number {
  const ceiling = Math.min(timing.backoffMaxMs, timing.backoffFirstMs * 2 ** Math.max(0, failures - 1));
  return Math.random() * ceiling;
}

interface Hold {
  readonly until: number;
  readonly why: 'throttled' | 'down';
  /** Times in a row that it was down. */
  readonly downs: number;
  /** What was found. */
  readonly reason: string;
}

/**
 * Whom to leave alone, and until when, shared by everything that talks to a host: when one request is throttled, or
 * finds nobody there, the others wait as well instead of finding it out one by one.
 */
export class SharedBackoff {
  readonly #holds = new LRUCache<string, Hold>({ max: MAX_HOSTS });
  readonly #timing: Timing;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** The host asked to be left alone for so long. */
  throttled(host: string, ms: number): void {
    const held = this.#holds.get(host);
    const until = performance.now() + ms;
    if (held === undefined || until > held.until)
      this.#holds.set(host, { until, why: 'throttled', downs: 0, reason: 'it asked us to wait' });
  }

  /**
   * The host does not answer: it is left alone, longer each time in a row.
   * @param reason for whoever asks in the meantime
   * @returns for how many milliseconds
   */
  down(host: string, reason: string): number {
    const { downFirstMs, downMaxMs } = this.#timing;
    const now = performance.now();
    const held = this.#holds.get(host);
    // What failed while it was held off already is the same outage, seen by another request.
    if (held?.why === 'down' && held.until > now) return held.until - now;
    const downs = (held?.downs ?? 0) + 1;
    // Spread, so that all its runs do not come back together.
    const ms = Math.min(downMaxMs, downFirstMs * 2 ** (downs - 1)) * (1 + Math.random() / 4);
    this.#holds.set(host, { until: now + ms, why: 'down', downs, reason });
    return ms;
  }

  /** The host answers, whatever it says. */
  answered(host: string): void {
    if (this.#holds.get(host)?.why === 'down') this.#holds.delete(host);
  }

  /** @throws {Fault} at once where the wait is longer than a worker should be kept for */
  async ready(host: string, signal?: AbortSignal): Promise<void> {
    const held = this.#holds.get(host);
    const remaining = (held?.until ?? 0) - performance.now();
    if (held === undefined || remaining <= 0) return;
    if (held.why === 'down') {
      const retryAfterMs = Math.max(remaining, this.#timing.downFirstMs);
      throw new Fault(`${held.reason}, a moment ago`, { retryAfterMs });
    }
    if (remaining > this.#timing.longestWaitMs) {
      throw new Fault(held.reason, { code: 'registry_throttled', retryAfterMs: remaining });
    }
    // Spread, so that those who waited do not arrive together.
    await sleep(remaining + Math.random() * this.#timing.backoffFirstMs, undefined, { signal });
  }
}
