import { performance } from 'node:perf_hooks';
import { type Claim, mayTake, SLOW_RATE } from './blockShares.ts';

const MiB = 1024 * 1024;
/** Of all blocks in flight in one process: twelve blocks of 8 MiB. */
export const BLOCK_MEMORY_BYTES = 96 * MiB;
/** What a block takes at a time: a stream that brings nothing costs next to nothing. */
export const PIECE_BYTES = 256 * 1024;

/**
 * The memory that blocks may take in one process, however many runs copy in it. A block takes it piece by piece as
 * its bytes arrive, and runs share it by the rules of blockShares.ts. Pieces are used again, since the garbage
 * collector lets many pile up before it frees what lies outside its heap.
 */
export class BlockMemory {
  readonly #limit: number;
  readonly #pieceBytes: number;
  readonly #now: () => number;
  #used = 0;
  readonly #open: OpenBlock[] = [];
  readonly #spare: Buffer[] = [];
  readonly #waiting = new Set<Waiting>();

  /**
   * @param limit bytes; a single larger block is let through when nothing else is held
   * @param now milliseconds of a clock that only goes forward
   */
  constructor(limit: number, pieceBytes = PIECE_BYTES, now = (): number => performance.now()) {
    this.#limit = limit;
    this.#pieceBytes = pieceBytes;
    this.#now = now;
  }

  /** Bytes that are held now. */
  get used(): number {
    return this.#used;
  }

  /**
   * Announces a block, which holds nothing yet.
   * @param owner the run that shares with others
   * @param chain the same object for blocks that are finished in the order in which they are opened
   * @param size bytes of the whole block
   */
  open(owner: string, chain: object, size: number): OpenBlock {
    const block = new OpenBlock({ owner, chain, size, pieceBytes: this.#pieceBytes, now: this.#now }, this);
    this.#open.push(block);
    return block;
  }

  /** For OpenBlock: a piece of so many bytes. @returns undefined where it has to wait for one */
  take(block: OpenBlock, bytes: number): Buffer | undefined {
    if (!mayTake(block, bytes, this.#open, this.#limitNow)) return undefined;
    this.#used += bytes;
    return (bytes === this.#pieceBytes ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes);
  }

  /** For OpenBlock: serves it when it may take what it wants. */
  wait(waiting: Waiting): () => void {
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }

  /** For OpenBlock: it is done, whatever came of it. */
  close(block: OpenBlock, pieces: readonly Buffer[]): void {
    this.#open.splice(this.#open.indexOf(block), 1);
    for (const piece of pieces) {
      this.#used -= piece.length;
      // What is spare counts against nothing, so together with what is held it stays below the limit.
      if (piece.length === this.#pieceBytes && (this.#spare.length + 1) * piece.length <= this.#limit)
        this.#spare.push(piece);
    }
    this.served();
  }

  /** For OpenBlock: what is held has changed, so that others may go on. */
  served(): void {
    for (const waiting of this.#waiting) if (waiting()) this.#waiting.delete(waiting);
  }

  get #limitNow(): number {
    return this.#open.reduce((most, { size }) => Math.max(most, size), this.#limit);
  }
}

/** Tries to go on; true where it need not be asked again. */
type Waiting = () => boolean;

interface BlockOptions {
  readonly owner: string;
  readonly chain: object;
  readonly size: number;
  readonly pieceBytes: number;
  readonly now: () => number;
}

/** One block being filled, from its first byte to its last. Whoever opens one closes it. */
export class OpenBlock implements Claim {
  readonly owner: string;
  readonly chain: object;
  readonly size: number;
  readonly #memory: BlockMemory;
  readonly #pieceBytes: number;
  readonly #now: () => number;
  readonly #pieces: Buffer[] = [];
  #held = 0;
  #filled = 0;
  /** Bytes that arrived in `#filling` milliseconds, the waiting for memory left out. */
  #timed = 0;
  #filling = 0;
  #since: number | undefined;
  #closed = false;

  constructor({ owner, chain, size, pieceBytes, now }: BlockOptions, memory: BlockMemory) {
    this.owner = owner;
    this.chain = chain;
    this.size = size;
    this.#pieceBytes = pieceBytes;
    this.#now = now;
    this.#memory = memory;
  }

  get held(): number {
    return this.#held;
  }

  get slow(): boolean {
    return this.#timed * 1000 < SLOW_RATE * this.#filling;
  }

  get isFull(): boolean {
    return this.#filled === this.size;
  }

  /**
   * Sees to it that so many bytes more can be appended.
   * @returns undefined where they can at once
   */
  reserve(bytes: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#filled + bytes > this.size) throw new RangeError('That is more than the block holds.');
    if (this.#filled + bytes <= this.#held) return undefined;
    if (this.#since !== undefined) this.#filling += this.#now() - this.#since;
    this.#since = undefined;
    this.#timed = this.#filled;
    if (this.#take(bytes)) return undefined;
    return new Promise((resolve, reject) => {
      const stop = this.#memory.wait(() => {
        if (!this.#closed && !this.#take(bytes)) return false;
        signal?.removeEventListener('abort', abort);
        resolve();
        return true;
      });
      const abort = (): void => {
        stop();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted === true) abort();
    });
  }

  /** Appends bytes for which there is room: reserve them first. */
  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const piece = this.#pieces[Math.floor(this.#filled / this.#pieceBytes)];
      const offset = this.#filled % this.#pieceBytes;
      if (piece === undefined) throw new RangeError('Nothing was reserved for these bytes.');
      const part = bytes.subarray(at, at + piece.length - offset);
      piece.set(part, offset);
      at += part.length;
      this.#filled += part.length;
    }
  }

  /** The bytes [from, to) that were appended, in pieces, not copied: good until it is closed. */
  bytes(from = 0, to = this.#filled): Buffer[] {
    return this.#pieces.flatMap((piece, index) => {
      const start = index * this.#pieceBytes;
      const part = piece.subarray(Math.max(0, from - start), Math.max(0, Math.min(piece.length, to - start)));
      return part.length === 0 ? [] : [part];
    });
  }

  /** Gives everything back. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.close(this, this.#pieces);
  }

  #take(bytes: number): boolean {
    const before = this.#held;
    while (this.#filled + bytes > this.#held) {
      const piece = this.#memory.take(this, Math.min(this.#pieceBytes, this.size - this.#held));
      if (piece === undefined) break;
      this.#pieces.push(piece);
      this.#held += piece.length;
    }
    if (this.#filled + bytes > this.#held) return false;
    if (this.#held > before) this.#since = this.#now();
    return true;
  }
}
