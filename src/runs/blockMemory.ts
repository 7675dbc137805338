const MiB = 1024 * 1024;
/** Of all blocks in flight in one process: twelve blocks of 8 MiB. */
export const BLOCK_MEMORY_BYTES = 96 * MiB;
/** Smaller buffers are cheap to make anew, and of every size. */
const REUSE_FROM_BYTES = 4 * MiB;

/**
 * The memory that blocks may take in one process, however many activities run in it. Acquire in the order in which
 * blocks are to be finished: then whoever waits only waits for blocks that can go on. Large buffers are used again,
 * since the garbage collector lets many pile up before it frees what lies outside its heap.
 */
export class BlockMemory {
  readonly #limit: number;
  #used = 0;
  readonly #free: Buffer[] = [];
  readonly #waiting: { readonly bytes: number; readonly wake: () => void }[] = [];

  /** @param limit bytes; a single larger block is let through when nothing else is held */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A buffer of so many bytes, whose content is whatever it was before. */
  async acquire(bytes: number): Promise<Buffer> {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      await new Promise<void>((wake) => this.#waiting.push({ bytes, wake }));
    } else {
      this.#used += bytes;
    }
    const index = this.#free.findIndex((free) => free.length === bytes);
    return this.#free.splice(index, index === -1 ? 0 : 1)[0] ?? Buffer.allocUnsafeSlow(bytes);
  }

  release(block: Buffer): void {
    this.#used -= block.length;
    this.#keep(block);
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.bytes;
      next.wake();
    }
  }

  /** Free buffers count against nothing, so they are few: no more than the limit holds of the largest. */
  #keep(block: Buffer): void {
    if (block.length < REUSE_FROM_BYTES || block.length > this.#limit) return;
    this.#free.push(block);
    if (this.#free.length * block.length > this.#limit) this.#free.shift();
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#limit;
  }
}
