/** Keys that are kept: beyond them, neighbours become one. */
const MAX_SLOTS = 4096;

/**
 * How many bytes were used last when, in memory of a fixed size: to the second for as long as that fits, then to two,
 * four and so on.
 */
export class UsageHistogram {
  #slots = new Map<number, number>();
  /** Seconds of one slot. */
  #width = 1;

  /** @param lastUsed ISO 8601 */
  add(lastUsed: string, bytes: number): void {
    this.#count(this.slotOf(lastUsed), bytes);
    while (this.#slots.size > MAX_SLOTS) {
      const finer = this.#slots;
      this.#slots = new Map();
      this.#width *= 2;
      for (const [slot, total] of finer) this.#count(Math.floor(slot / 2), total);
    }
  }

  /**
   * Up to where the least recently used go, so that so many bytes are freed: all before `slot`, and of those in it so
   * many `bytes`. Where all of them are not enough, all go.
   */
  cutToFree(bytes: number): { readonly slot: number; readonly bytes: number } {
    let left = bytes;
    for (const [slot, total] of [...this.#slots].sort(([a], [b]) => a - b)) {
      if (total >= left) return { slot, bytes: left };
      left -= total;
    }
    return { slot: Infinity, bytes: left };
  }

  slotOf(lastUsed: string): number {
    return Math.floor(Date.parse(lastUsed) / 1000 / this.#width);
  }

  #count(slot: number, bytes: number): void {
    this.#slots.set(slot, (this.#slots.get(slot) ?? 0) + bytes);
  }
}
