/**
 * The memory that blocks may take in one process, however many activities run in it. Acquire in the order in which
 * blocks are to be finished: then whoever waits only waits for blocks that can go on.
 */
export class BlockMemory {
  readonly #limit: number;
  #used = 0;
  readonly #waiting: { readonly bytes: number; readonly wake: () => void }[] = [];

  /** @param limit bytes; a single larger block is let through when nothing else is held */
  constructor(limit: number) {
    this.#limit = limit;
  }

  async acquire(bytes: number): Promise<Buffer> {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      await new Promise<void>((wake) => this.#waiting.push({ bytes, wake }));
    } else {
      this.#used += bytes;
    }
    return Buffer.allocUnsafeSlow(bytes);
  }

  release(block: Buffer): void {
    this.#used -= block.length;
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.bytes;
      next.wake();
    }
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#limit;
  }
}
