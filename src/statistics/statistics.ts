import type { StatisticsPoint, StatisticsView } from '../api/operatorViews.ts';
import { isoSeconds } from '../store/archive/archiveMetadata.ts';
import type { Storage } from '../store/storage.ts';
import { addToHour, dayOf, hourOf, type Hours, readDay, sum } from '../store/hints/statistics.ts';
import { Turns } from '../store/turns.ts';
import type { ServiceEvents } from '../telemetry/serviceEvents.ts';
import { LookupCounter } from './lookupCounter.ts';
import { intervalHours, series } from './series.ts';
import { measureStore, type MeasuredStore } from './storeSize.ts';

const DAY_MS = 24 * 3600 * 1000;
/** A listing of the whole store is not made more often for those who look at its size. */
const MEASURE_EVERY_MS = 60_000;
/** Days that are read at a time. */
const AT_ONCE = 16;
/** A counter that began yesterday may still write into it. */
const DAY_IS_FINAL_AFTER_MS = 3600 * 1000;

/**
 * What one process counts, measures and reads of the statistics. They are hints: what a process that ends has not
 * written is lost, and harms nothing.
 */
export class Statistics {
  readonly #storage: Storage;
  readonly #counter: LookupCounter;
  readonly #finalDays = new Map<string, Hours>();
  #measured: { readonly at: number; readonly size: Promise<MeasuredStore> } | undefined;
  #recordedHour = '';

  constructor(storage: Storage, events: ServiceEvents) {
    this.#storage = storage;
    this.#counter = new LookupCounter((hour, counts) => addToHour(storage, hour, counts));
    events.subscribe((event) => {
      if (event.type === 'lookup') this.#counter.count(event.outcome);
    });
  }

  /** The store's size, of a minute ago at most; kept for the plot, once an hour. */
  async storeSize(now = new Date()): Promise<MeasuredStore> {
    if (this.#measured === undefined || now.getTime() - this.#measured.at >= MEASURE_EVERY_MS)
      this.#measured = { at: now.getTime(), size: measureStore(this.#storage, now) };
    const { size: measuring } = this.#measured;
    try {
      const size = await measuring;
      const hour = hourOf(size.measuredAt);
      if (this.#recordedHour !== hour) {
        this.#recordedHour = hour;
        await addToHour(this.#storage, hour, { images: size.images, bytes: size.bytes });
      }
      return size;
    } catch (error) {
      this.#measured = undefined;
      throw error;
    }
  }

  /**
   * The store's size now, and what is known of the last `days` days.
   * @throws {CacheError} storage_unavailable
   */
  async view(days: number, now = new Date()): Promise<StatisticsView> {
    const { images, bytes, measuredAt } = await this.storeSize(now);
    const hours = await this.#hours(days, now);
    return {
      now: { images, bytes, measuredAt: isoSeconds(measuredAt) },
      series: series(hours, intervalHours(days)) satisfies StatisticsPoint[],
    };
  }

  async #hours(days: number, now: Date): Promise<Hours> {
    const turns = new Turns(AT_ONCE);
    const from = hourOf(new Date(now.getTime() - days * DAY_MS));
    const names = Array.from({ length: days + 1 }, (_, back) =>
      dayOf(new Date(now.getTime() - back * DAY_MS)),
    );
    const read = await Promise.all(names.map((day) => turns.run(() => this.#day(day, now))));
    const all = new Map(read.flatMap((hours) => [...hours]).filter(([hour]) => hour >= from));
    for (const [hour, counts] of this.#counter.uncounted()) all.set(hour, sum(all.get(hour) ?? {}, counts));
    return all;
  }

  /** A day that is over does not change, and is read once. */
  async #day(day: string, now: Date): Promise<Hours> {
    const known = this.#finalDays.get(day);
    if (known !== undefined) return known;
    const hours = await readDay(this.#storage, day);
    const isFinal = now.getTime() >= Date.parse(`${day}T00:00:00Z`) + DAY_MS + DAY_IS_FINAL_AFTER_MS;
    if (isFinal) {
      if (this.#finalDays.size > 2 * 90) this.#finalDays.clear();
      this.#finalDays.set(day, hours);
    }
    return hours;
  }
}
