/** How fast something grows, of what was seen of it in the last seconds. */

/** Bytes arrive in blocks of some MiB, so that less time would show leaps. */
const WINDOW_MS = 30_000;

export class Rates {
  /** @type {Map<string, {at: number, bytes: number}[]>} */
  #seen = new Map();

  /**
   * @param {string} key
   * @param {number} bytes so far
   * @param {number} now milliseconds
   * @returns {number | undefined} bytes per second; undefined where that is not known yet. 0: none for the whole window
   */
  add(key, bytes, now) {
    const seen = this.#seen.get(key) ?? [];
    const last = seen.at(-1);
    // Fewer bytes than before: it was begun again.
    const kept =
      last !== undefined && last.bytes > bytes ? [] : seen.filter(({ at }) => now - at <= WINDOW_MS);
    kept.push({ at: now, bytes });
    this.#seen.set(key, kept);
    const [first] = kept;
    if (first === undefined || now - first.at < 1000) return undefined;
    // Between two blocks nothing seems to come.
    if (bytes === first.bytes && now - first.at < WINDOW_MS * 0.8) return undefined;
    return ((bytes - first.bytes) / (now - first.at)) * 1000;
  }

  /** @param {ReadonlySet<string>} keys what is still of interest */
  keepOnly(keys) {
    for (const key of this.#seen.keys()) if (!keys.has(key)) this.#seen.delete(key);
  }
}
