import { createHash, randomBytes } from 'node:crypto';

/** Bits that a key sets. With 16 bits of room a key, one stranger in 400 is taken for a member; with 96, one in 350,000. */
const HASHES = 4;

/**
 * A set of texts in memory of a fixed size, however many there are. What was added is always found; what was not may be
 * taken for a member, the more so the fuller it is, so it is for where that does little harm. Each filter hashes in its
 * own way, so that nobody can choose texts that meet. https://doi.org/10.1145/362686.362692
 */
export class BloomFilter {
  readonly #salt = randomBytes(16);
  readonly #bits: Uint8Array;

  /** @param bytes of memory: a power of two */
  constructor(bytes: number) {
    this.#bits = new Uint8Array(bytes);
  }

  add(text: string): void {
    for (const bit of this.#bitsOf(text))
      this.#bits[bit >>> 3] = (this.#bits[bit >>> 3] ?? 0) | (1 << (bit & 7));
  }

  has(text: string): boolean {
    return this.#bitsOf(text).every((bit) => ((this.#bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0);
  }

  #bitsOf(text: string): number[] {
    const hash = createHash('sha256').update(this.#salt).update(text).digest();
    const mask = this.#bits.length * 8 - 1;
    return Array.from({ length: HASHES }, (_, at) => (hash.readUInt32LE(at * 4) & mask) >>> 0);
  }
}
