/**
 * Turns at what one process does only so often at the same time, first come first served. For work on our own side,
 * which ends soon: a crowd that waits here takes no memory and no time from others.
 */
export class Turns {
  readonly #atOnce: number;
  #busy = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Whoever came now would have to wait. */
  get isFull(): boolean {
    return this.#busy >= this.#atOnce;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.isFull) await new Promise<void>((pass) => this.#waiting.push(pass));
    else this.#busy += 1;
    try {
      return await work();
    } finally {
      // After whoever waits for the result has gone on, and others have had their turn of the event loop.
      setImmediate(() => this.#pass());
    }
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#busy -= 1;
    else next();
  }
}
