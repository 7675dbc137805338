import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { Fault } from './fault.ts';
import type { Timing } from './timing.ts';

/** Hosts whose wait is remembered. Hostile answers cannot fill the memory. */
const MAX_HOSTS = 1000;

/** Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
export function jitteredDelay(failures: number, timing: Timing): number {
  const ceiling = Math.min(timing.backoffMaxMs, timing.backoffFirstMs * 2 ** Math.max(0, failures - 1));
  return Math.random() * ceiling;
}

/**
 * One host's wish to be left alone, shared by everything that talks to it: when one request is throttled,
 * the others wait as well instead of finding it out one by one.
 */
export class SharedBackoff {
  readonly #until = new LRUCache<string, number>({ max: MAX_HOSTS });
  readonly #timing: Timing;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  hold(host: string, ms: number): void {
    const until = performance.now() + ms;
    if (until > (this.#until.get(host) ?? 0)) this.#until.set(host, until);
  }

  /** @throws {Fault} at once where the wait is longer than a worker should be kept for */
  async ready(host: string, signal?: AbortSignal): Promise<void> {
    const remaining = (this.#until.get(host) ?? 0) - performance.now();
    if (remaining <= 0) {
      this.#until.delete(host);
      return;
    }
    if (remaining > this.#timing.longestWaitMs) {
      throw new Fault('it asked us to wait', { code: 'registry_throttled', retryAfterMs: remaining });
    }
    // Spread, so that those who waited do not arrive together.
    await sleep(remaining + Math.random() * this.#timing.backoffFirstMs, undefined, { signal });
  }
}
