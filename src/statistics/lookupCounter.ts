import { hourOf, type HourStatistics, type LookupCounts, sum } from '../store/hints/statistics.ts';
import type { LookupOutcome } from '../telemetry/serviceEvents.ts';

const COUNT_OF: Readonly<Record<LookupOutcome, keyof LookupCounts>> = {
  hit: 'hits',
  stale: 'stale',
  pending: 'pending',
  miss: 'misses',
  failed: 'failed',
};

/** Of one process: counts are kept for so long before they are written, all of an hour in one write. */
const FLUSH_MS = 60_000;

/** Counts how lookups end, and writes what it counted at most once a minute. */
export class LookupCounter {
  readonly #write: (hour: string, counts: HourStatistics) => Promise<boolean>;
  readonly #flushMs: number;
  #counts = new Map<string, HourStatistics>();
  /** What is being written: still shown, and counted once. */
  #writing: ReadonlyMap<string, HourStatistics> = new Map();
  #timer: NodeJS.Timeout | undefined;

  /** @param write adds to an hour; false where that is to be tried again later */
  constructor(write: (hour: string, counts: HourStatistics) => Promise<boolean>, flushMs = FLUSH_MS) {
    this.#write = write;
    this.#flushMs = flushMs;
  }

  count(outcome: LookupOutcome, now = new Date()): void {
    this.#add(hourOf(now), { [COUNT_OF[outcome]]: 1 });
  }

  /** What is counted but not written yet. */
  uncounted(): ReadonlyMap<string, HourStatistics> {
    const all = new Map(this.#writing);
    for (const [hour, counts] of this.#counts) all.set(hour, sum(all.get(hour) ?? {}, counts));
    return all;
  }

  #add(hour: string, counts: HourStatistics): void {
    this.#counts.set(hour, sum(this.#counts.get(hour) ?? {}, counts));
    this.#flushLater();
  }

  /** Processes that began together do not all write at the same moment; counts alone keep none alive. */
  #flushLater(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#flush(), this.#flushMs * (1 + Math.random() / 4)).unref();
  }

  async #flush(): Promise<void> {
    this.#writing = this.#counts;
    this.#counts = new Map();
    const left = new Map<string, HourStatistics>();
    for (const [hour, counts] of this.#writing) {
      const isWritten = await this.#write(hour, counts).catch(() => false);
      if (!isWritten) left.set(hour, counts);
    }
    this.#writing = new Map();
    this.#timer = undefined;
    for (const [hour, counts] of left) this.#add(hour, counts);
    if (this.#counts.size > 0) this.#flushLater();
  }
}
