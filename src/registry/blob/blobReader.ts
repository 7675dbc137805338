import { Fault } from '../traffic/fault.ts';
import { RetryBudget, type RetryContext } from '../exchange/retry.ts';
import type { BlobSource } from './blobSource.ts';
import { BlobStream } from './blobStream.ts';

/** Bytes that were received, by who sent them: the registry, or the storage that it redirected to. */
export interface BytesPulled {
  readonly registry: number;
  readonly redirect: number;
}

export interface BlobReader {
  /**
   * True where the registry sent us on to a storage that honours ranges: reads may run in parallel and cost
   * the registry nothing. False: read in order, one stream.
   */
  readonly parallel: boolean;
  /** So far, what was received twice counted twice. */
  readonly pulled: BytesPulled;
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
    pulled: { registry: 0, redirect: 0 },
    async *read(start, end) {
      await Promise.resolve();
      if (end > start) yield bytes.subarray(start, end);
    },
    close: () => undefined,
  };
}

/** What a layer may cost at worst where the server cannot send from the middle: so many times its size. */
const MAX_REREAD = 4;
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
  #idle: BlobStream | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  readonly #active = new Set<BlobStream>();
  #reread = 0;
  #closed = false;
  #parallel = false;
  readonly #pulled = { registry: 0, redirect: 0 };

  private constructor(options: ReaderOptions) {
    this.#options = options;
  }

  get parallel(): boolean {
    return this.#parallel;
  }

  get pulled(): BytesPulled {
    return this.#pulled;
  }

  /** Makes the first request. @throws {CacheError} when its tries are used up */
  static async open(options: ReaderOptions): Promise<ResumingReader> {
    const { source, context, what, signal, range } = options;
    const reader = new ResumingReader(options);
    const budget = new RetryBudget(context, what);
    for (;;) {
      try {
        const stream = await reader.#open(range.start, range.end);
        reader.#parallel = stream.isFromRangedStorage;
        reader.#keep(stream);
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
      let stream: BlobStream | undefined;
      try {
        stream = this.#take(position);
        if (stream === undefined) {
          stream = await this.#open(position, this.#parallel ? end : Math.max(end, range.end));
          if (failures > 0) this.#logResume(stream, position);
        }
        this.#active.add(stream);
        for (;;) {
          const chunk = await stream.next(end - position);
          if (chunk === undefined) break;
          position += chunk.length;
          this.#count(stream, chunk.length);
          failures = 0;
          budget.progressed(chunk.length);
          yield chunk;
        }
        this.#active.delete(stream);
        if (stream.isDone) stream.destroy();
        else this.#keep(stream);
        stream = undefined;
      } catch (error) {
        failures += 1;
        if (failures >= FAILURES_BEFORE_NEW_TARGET) source.forgetTarget();
        await budget.failed(error, source.host, signal);
      } finally {
        if (stream !== undefined) {
          this.#active.delete(stream);
          stream.destroy();
        }
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#dropIdle();
    for (const stream of this.#active) stream.destroy();
  }

  async #open(start: number, end: number): Promise<BlobStream> {
    const { source, ranged, signal, size } = this.#options;
    if (this.#closed) throw new Error('This reader is closed.');
    const stream = new BlobStream(await source.open({ start, end, ranged: ranged || start > 0, signal }));
    if (this.#reread + stream.reread > MAX_REREAD * size) {
      stream.destroy();
      throw new Fault('it cannot send from the middle of a blob and keeps breaking off');
    }
    this.#reread += stream.reread;
    this.#count(stream, stream.reread);
    return stream;
  }

  #count(stream: BlobStream, bytes: number): void {
    this.#pulled[stream.isFromStorage ? 'redirect' : 'registry'] += bytes;
  }

  #take(position: number): BlobStream | undefined {
    const idle = this.#idle;
    if (idle?.position !== position) return undefined;
    clearTimeout(this.#idleTimer);
    this.#idle = undefined;
    return idle;
  }

  #keep(stream: BlobStream): void {
    this.#dropIdle();
    if (this.#closed) {
      stream.destroy();
      return;
    }
    this.#idle = stream;
    this.#idleTimer = setTimeout(() => this.#dropIdle(), this.#options.context.timing.idleMs);
    this.#idleTimer.unref();
  }

  #dropIdle(): void {
    clearTimeout(this.#idleTimer);
    this.#idle?.destroy();
    this.#idle = undefined;
  }

  #logResume(stream: BlobStream, position: number): void {
    const { context, digest, source } = this.#options;
    context.log({ type: 'resume', host: source.host, digest, position, reread: stream.reread });
  }
}
