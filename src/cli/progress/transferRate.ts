/** Blocks arrive whole, so a short span would show them as leaps. */
const WINDOW_MS = 15_000;
/** A rate over less than this says nothing yet. */
const LEAST_MS = 1000;

interface Sample {
  readonly time: number;
  readonly bytes: number;
}

/** How fast bytes arrive, averaged over the last 15 seconds. Pure arithmetic: times are given. */
export class TransferRate {
  #samples: readonly Sample[] = [];

  /** @param time milliseconds, on any clock that does not go back */
  add(time: number, bytes: number): void {
    const last = this.#samples.at(-1);
    // Fewer bytes than before: it started over, and what was measured is of something else.
    const before = last !== undefined && bytes < last.bytes ? [] : this.#samples;
    const samples = [...before, { time, bytes }];
    // The last sample before the window stays, so that there is always one to measure from.
    const first = samples.findLastIndex((sample) => sample.time <= time - WINDOW_MS);
    this.#samples = samples.slice(Math.max(first, 0));
  }

  /** Bytes per second; undefined where it is too early to say. 0: none for the whole window. */
  get bytesPerSecond(): number | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.time - first.time < LEAST_MS) return undefined;
    // Between two blocks nothing seems to come.
    if (last.bytes === first.bytes && last.time - first.time < WINDOW_MS) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (last.time - first.time);
  }

  /** Seconds until `total` bytes are there; undefined where that cannot be told. */
  secondsLeft(total: number): number | undefined {
    const { bytesPerSecond } = this;
    const last = this.#samples.at(-1);
    if (last === undefined || bytesPerSecond === undefined || bytesPerSecond <= 0) return undefined;
    return Math.max(total - last.bytes, 0) / bytesPerSecond;
  }
}

/** The rates of several images, each by its name. */
export class TransferRates {
  readonly #rates = new Map<string, TransferRate>();

  /** Takes a measurement, where there is one. @returns the rate of this image */
  measure(name: string, stagedBytes: number | undefined, time: number): TransferRate {
    const rate = this.#rates.get(name) ?? new TransferRate();
    this.#rates.set(name, rate);
    if (stagedBytes !== undefined) rate.add(time, stagedBytes);
    return rate;
  }
}
