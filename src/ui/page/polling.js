/** Asks again and again, politely: not while nobody looks, and less and less often while nobody answers. */

/** Milliseconds. */
const LONGEST_BACKOFF = 60_000;

export class Polling {
  #ask;
  /** @type {AbortController | undefined} */
  #asking;
  #timer = 0;
  #failures = 0;
  #isOn = false;

  /**
   * @param {(signal: AbortSignal) => Promise<number>} ask gives how many milliseconds to wait before it is asked again
   * @param {(error: unknown, waitMs: number) => boolean} failed hears of what went wrong; false stops it
   */
  constructor(ask, failed) {
    this.#ask = ask;
    this.failed = failed;
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#pause();
      else if (this.#isOn) this.now();
    });
  }

  /** Asks at once; what is being asked is given up. */
  now() {
    this.#isOn = true;
    this.#pause();
    if (!document.hidden) void this.#run();
  }

  stop() {
    this.#isOn = false;
    this.#pause();
  }

  #pause() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = undefined;
  }

  async #run() {
    const asking = new AbortController();
    this.#asking = asking;
    let waitMs;
    try {
      waitMs = await this.#ask(asking.signal);
      this.#failures = 0;
    } catch (error) {
      if (asking.signal.aborted) return;
      this.#failures += 1;
      waitMs = Math.min(LONGEST_BACKOFF, 1000 * 2 ** this.#failures);
      if (!this.failed(error, waitMs)) return this.stop();
    }
    if (asking.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#run(), waitMs);
  }
}
