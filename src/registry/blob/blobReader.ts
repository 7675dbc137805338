import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobPart, BlobSource } from './blobSource.ts';
import { readBody } from '../exchange/body.ts';
import { Fault } from '../exchange/fault.ts';
import { RetryBudget, type RetryContext } from '../exchange/retry.ts';

export interface BlobReader {
  /**
   * True where the registry sent us on to a storage that honours ranges: reads may run in parallel and cost
   * the registry nothing. False: read in order, one stream.
   */
  readonly parallel: boolean;
  /**
   * Exactly the bytes [start, end), taken up again at the byte after any fault. Where reads do not run in
   * parallel, consecutive ones go on with the one open answer. Does not verify the digest.
   * @throws {CacheError} when the retries without progress are used up
   */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  close(): void;
}

/** A blob that needs no request: empty, or carried in its descriptor. */
export function memoryReader(bytes: Uint8Array): BlobReader {
  return {
    parallel: true,
    async *read(start, end) {
      await Promise.resolve();
      if (end > start) yield bytes.subarray(start, end);
    },
    close: () => undefined,
  };
}

/** What a layer may cost at worst where the server cannot send from the middle: so many times its size. */
const MAX_REREAD = 4;
/** How long to wait for an answer to end, once all its bytes are here: only to keep its connection. */
const END_WAIT_MS = 500;
/** Consecutive failures at the storage after which the registry is asked where the blob is. */
const FAILURES_BEFORE_NEW_TARGET = 2;

export interface ReaderOptions {
  readonly source: BlobSource;
  readonly context: RetryContext;
  readonly what: string;
  readonly digest: string;
  /** Bytes of the whole blob. */
  readonly size: number;
  readonly range: { readonly start: number; readonly end: number };
  /** False to ask for the blob without a Range, where it is small. */
  readonly ranged: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class ResumingReader implements BlobReader {
  readonly #options: ReaderOptions;
  /** Open, and not being read right now. */
  #idle: OpenPart | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  readonly #active = new Set<OpenPart>();
  #reread = 0;
  #closed = false;
  parallel = false;

  private constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Makes the first request. */
  static async open(options: ReaderOptions): Promise<ResumingReader> {
    const { source, context, what, signal, range } = options;
    const reader = new ResumingReader(options);
    const budget = new RetryBudget(context, what);
    for (;;) {
      try {
        const part = await reader.#open(range.start, range.end);
        reader.parallel = part.part.fromStorage && part.part.ranged;
        reader.#keep(part);
        return reader;
      } catch (error) {
        source.forgetTarget();
        await budget.failed(error, source.host, signal);
      }
    }
  }

  async *read(start: number, end: number): AsyncGenerator<Uint8Array, void, void> {
    const { source, context, what, signal, range } = this.#options;
    const budget = new RetryBudget(context, what);
    let position = start;
    let failures = 0;
    while (position < end) {
      let part: OpenPart | undefined;
      try {
        part = this.#take(position);
        if (part === undefined) {
          part = await this.#open(position, this.parallel ? end : Math.max(end, range.end));
          if (failures > 0) this.#logResume(part, position);
        }
        this.#active.add(part);
        for (;;) {
          const chunk = await part.next(end - position);
          if (chunk === undefined) break;
          position += chunk.length;
          failures = 0;
          budget.progressed(chunk.length);
          yield chunk;
        }
        this.#active.delete(part);
        if (part.isDone) part.destroy();
        else this.#keep(part);
        part = undefined;
      } catch (error) {
        failures += 1;
        if (failures >= FAILURES_BEFORE_NEW_TARGET) source.forgetTarget();
        await budget.failed(error, source.host, signal);
      } finally {
        if (part !== undefined) {
          this.#active.delete(part);
          part.destroy();
        }
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#dropIdle();
    for (const part of this.#active) part.destroy();
  }

  async #open(start: number, end: number): Promise<OpenPart> {
    const { source, context, ranged, signal, size } = this.#options;
    if (this.#closed) throw new Error('This reader is closed.');
    const part = await source.open(start, end, ranged || start > 0, signal);
    if (this.#reread + part.skip > MAX_REREAD * size) {
      part.answer.body.destroy();
      throw new Fault('it cannot send from the middle of a blob and keeps breaking off');
    }
    this.#reread += part.skip;
    return new OpenPart(part, context.timing);
  }

  #take(position: number): OpenPart | undefined {
    const idle = this.#idle;
    if (idle?.position !== position) return undefined;
    clearTimeout(this.#idleTimer);
    this.#idle = undefined;
    return idle;
  }

  #keep(part: OpenPart): void {
    this.#dropIdle();
    if (this.#closed) {
      part.destroy();
      return;
    }
    this.#idle = part;
    this.#idleTimer = setTimeout(() => this.#dropIdle(), this.#options.context.timing.idleMs);
    this.#idleTimer.unref();
  }

  #dropIdle(): void {
    clearTimeout(this.#idleTimer);
    this.#idle?.destroy();
    this.#idle = undefined;
  }

  #logResume(part: OpenPart, position: number): void {
    const { context, digest, source } = this.#options;
    context.log({ type: 'resume', host: source.host, digest, position, reread: part.part.skip });
  }
}

/** One answer being read: never yields a byte that is not at its place. */
class OpenPart {
  readonly part: BlobPart;
  readonly #chunks: AsyncGenerator<Uint8Array, void, void>;
  #rest: Uint8Array | undefined;
  #skip: number;
  /** Offset in the blob of the next byte. */
  position: number;

  constructor(part: BlobPart, timing: RetryContext['timing']) {
    this.part = part;
    this.#chunks = readBody(part.answer, timing);
    this.#skip = part.skip;
    this.position = part.start;
  }

  get isDone(): boolean {
    return this.position === this.part.end;
  }

  /** @returns at most `limit` bytes; undefined where there is nothing more to be read of them or of the part */
  async next(limit: number): Promise<Uint8Array | undefined> {
    if (limit <= 0 || this.isDone) return undefined;
    let chunk = this.#rest ?? (await this.#nextChunk());
    this.#rest = undefined;
    if (chunk.length > limit) {
      this.#rest = chunk.subarray(limit);
      chunk = chunk.subarray(0, limit);
    }
    // Before its last bytes are given away, so that a failure here is taken up again like any other.
    if (this.position + chunk.length === this.part.end) await this.#assertEnd();
    this.position += chunk.length;
    return chunk;
  }

  async #nextChunk(): Promise<Uint8Array> {
    for (;;) {
      const { value, done } = await this.#chunks.next();
      if (done === true) throw new Fault('its answer ended early');
      const chunk = this.#skip === 0 ? value : value.subarray(Math.min(this.#skip, value.length));
      this.#skip -= value.length - chunk.length;
      if (chunk.length === 0) continue;
      if (chunk.length > this.part.end - this.position) throw tooLong();
      return chunk;
    }
  }

  /**
   * All bytes are here; sees to it that no more come. Where an answer does not end, it is enough that it is
   * silent.
   * @throws {Fault} where the blob is longer than the manifest says
   */
  async #assertEnd(): Promise<void> {
    const end = this.#chunks.next().catch(() => undefined);
    const result = await Promise.race([end, sleep(END_WAIT_MS, undefined, { ref: false })]);
    if (result?.done === false) throw tooLong();
  }

  destroy(): void {
    this.part.answer.body.destroy();
  }
}

function tooLong(): Fault {
  return new Fault('it sent more bytes than the manifest says', { code: 'digest_mismatch' });
}
