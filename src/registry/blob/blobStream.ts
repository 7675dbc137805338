import { setTimeout as sleep } from 'node:timers/promises';
import { Fault, webPage } from '../traffic/fault.ts';
import type { BlobAnswer } from './blobAnswer.ts';
import { plainChunks } from './plainChunks.ts';

/**
 * How long to wait, once all bytes are here, for the answer to end: more bytes show that the blob is another, and
 * the end gives the connection back for the next request.
 */
const END_WAIT_MS = 500;

/** One answer being read: never yields a byte that is not at its place. */
export class BlobStream {
  readonly #source: BlobAnswer;
  readonly #chunks: AsyncGenerator<Uint8Array, void, void>;
  #rest: Uint8Array | undefined;
  #skip: number;
  #position: number;

  constructor(source: BlobAnswer) {
    this.#source = source;
    this.#chunks = plainChunks(source.answer.bytes(), source.coding);
    this.#skip = source.skip;
    this.#position = source.start;
  }

  /** Offset in the blob of the next byte. */
  get position(): number {
    return this.#position;
  }

  /** Bytes that had to be received again to get to where it starts. */
  get reread(): number {
    return this.#source.skip;
  }

  /** A storage that honours ranges sends it. */
  get isFromRangedStorage(): boolean {
    return this.#source.fromStorage && this.#source.ranged;
  }

  /** Whether it comes from where the registry sent us on to. */
  get isFromStorage(): boolean {
    return this.#source.fromStorage;
  }

  get isDone(): boolean {
    return this.#position === this.#source.end;
  }

  /**
   * @returns at most `limit` bytes; undefined where there is nothing more to be read of them or of the answer
   * @throws {Fault} where the answer breaks off, or the blob is longer than the manifest says
   */
  async next(limit: number): Promise<Uint8Array | undefined> {
    if (limit <= 0 || this.isDone) return undefined;
    let chunk = this.#rest ?? (await this.#nextChunk());
    this.#rest = undefined;
    if (chunk.length > limit) {
      this.#rest = chunk.subarray(limit);
      chunk = chunk.subarray(0, limit);
    }
    // Before its last bytes are given away, so that a failure here is taken up again like any other.
    if (this.#position + chunk.length === this.#source.end) await this.#assertEnd();
    this.#position += chunk.length;
    return chunk;
  }

  destroy(): void {
    this.#source.answer.destroy();
  }

  async #nextChunk(): Promise<Uint8Array> {
    for (;;) {
      let next: IteratorResult<Uint8Array, void>;
      try {
        next = await this.#chunks.next();
      } catch (error) {
        throw this.#brokenOff(error);
      }
      if (next.done === true) throw this.#otherContent('its answer ended early');
      const { value } = next;
      const chunk = this.#skip === 0 ? value : value.subarray(Math.min(this.#skip, value.length));
      this.#skip -= value.length - chunk.length;
      if (chunk.length === 0) continue;
      if (chunk.length > this.#source.end - this.#position) throw this.#tooLong();
      return chunk;
    }
  }

  /** A connection that breaks again and again at one byte of the blob was not broken by a network. */
  #brokenOff(error: unknown): unknown {
    if (!(error instanceof Fault) || error.evidence !== undefined || this.#position === 0) return error;
    const { code, host } = error;
    return new Fault(error.message, { code, host, evidence: `at ${this.#position}`, cause: error });
  }

  #otherContent(reason: string, code?: Fault['code']): Fault {
    const { answer } = this.#source;
    if (answer.isWebPage) return webPage(answer, 'a layer');
    return new Fault(reason, { ...(code && { code }), evidence: `${reason} at ${this.#position}` });
  }

  #tooLong(): Fault {
    return this.#otherContent('it sent more bytes than the manifest says', 'digest_mismatch');
  }

  /** Where an answer does not end, it is enough that it is silent. */
  async #assertEnd(): Promise<void> {
    const end = this.#chunks.next().catch(() => undefined);
    const result = await Promise.race([end, sleep(END_WAIT_MS, undefined, { ref: false })]);
    if (result?.done === false) throw this.#tooLong();
  }
}
