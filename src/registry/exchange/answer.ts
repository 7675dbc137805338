import { performance } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import { connectionError } from './connectionError.ts';
import { type ErrorBody, parseErrors } from './errorBody.ts';
import { Fault } from './fault.ts';
import type { Timing } from './timing.ts';

/** Fewer bytes than this in a whole `stallMs` of waiting is a stall too, however steadily they drip. */
const STALL_PROGRESS_BYTES = 16 * 1024;
/** Bytes in a second of waiting, measured over `rateWindowMs`: below, a layer would take days and hold a place. */
const LEAST_RATE = 16 * 1024;
/** When to come back for a body that only drips. */
const SLOW_RETRY_MS = 60_000;
/** Error bodies: enough for every JSON that registries write, too little to hurt. */
const MAX_ERROR_BODY_BYTES = 64 * 1024;

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** One hop's answer. Whoever gets it must read its body, discard it or destroy it. */
export class Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly #body: Readable;
  readonly #timing: Timing;

  constructor(
    { url, status, headers }: Pick<Answer, 'url' | 'status' | 'headers'>,
    body: Readable,
    timing: Timing,
  ) {
    this.url = url;
    this.status = status;
    this.headers = headers;
    this.#body = body;
    this.#timing = timing;
    // A body that is given up on reports that as an error event, which nobody else waits for.
    body.on('error', () => undefined);
  }

  /** A header that is there once; several of one name contradict each other. */
  header(name: string): string | undefined {
    const value = this.headers[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** Somebody encoded the body although it was asked for as it is. */
  get isEncoded(): boolean {
    const encoding = this.headers['content-encoding'];
    return encoding !== undefined && encoding !== 'identity';
  }

  /** Content-Length in bytes; undefined also where it counts other bytes than those that were asked for. */
  get length(): number | undefined {
    const text = this.header('content-length');
    return text !== undefined && /^\d{1,15}$/.test(text) && !this.isEncoded ? Number(text) : undefined;
  }

  /**
   * The body's bytes as they come. Only the time spent waiting for the other side counts towards a stall, so a
   * slow consumer does no harm. The connection is given up when the reader stops early.
   * @throws {Fault} stall, reset, a body that drips or is shorter than its Content-Length
   */
  async *bytes(): AsyncGenerator<Uint8Array, void, void> {
    const { stallMs } = this.#timing;
    const iterator: AsyncIterator<unknown> = this.#body[Symbol.asyncIterator]();
    const rate = new RateCheck(this.#timing.rateWindowMs);
    let waited = 0;
    let received = 0;
    try {
      for (;;) {
        const began = performance.now();
        const stalled = (): void => {
          this.#body.destroy(new Fault(`it sent nothing for ${stallMs / 1000} s`));
        };
        const timer = setTimeout(stalled, Math.max(1, stallMs - waited));
        let next: IteratorResult<unknown, unknown>;
        try {
          next = await iterator.next();
        } finally {
          clearTimeout(timer);
        }
        if (next.done === true) return;
        if (!(next.value instanceof Uint8Array))
          throw new TypeError('A body gave something else than bytes.');
        const took = performance.now() - began;
        waited += took;
        received += next.value.length;
        rate.add(next.value.length, took);
        if (received >= STALL_PROGRESS_BYTES) waited = received = 0;
        yield next.value;
      }
    } catch (error) {
      throw connectionError(error, this.url);
    } finally {
      this.#body.destroy();
    }
  }

  /**
   * A small body, whole.
   * @returns undefined where it is longer than `limit` bytes
   * @throws {Fault} as bytes() does, and where the whole takes longer than `documentMs`
   */
  async whole(limit: number): Promise<Buffer | undefined> {
    const { documentMs } = this.#timing;
    const slow = setTimeout(() => {
      this.#body.destroy(new Fault(`it took longer than ${documentMs / 1000} s to send a document`));
    }, documentMs);
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const chunk of this.bytes()) {
        length += chunk.length;
        if (length > limit) return undefined;
        chunks.push(chunk);
      }
    } finally {
      clearTimeout(slow);
    }
    return Buffer.concat(chunks, length);
  }

  /** What the body of an error says. One that cannot be read says nothing: an error about an error helps nobody. */
  async errorBody(): Promise<ErrorBody> {
    const bytes = await this.whole(MAX_ERROR_BODY_BYTES).catch(() => undefined);
    return { status: this.status, errors: parseErrors(bytes?.toString('utf8') ?? '') };
  }

  /** Reads to the end what is of no interest, where that soon gives the connection back; else gives it up. */
  async discard(): Promise<void> {
    const late = setTimeout(() => this.destroy(), this.#timing.discardMs);
    await this.whole(MAX_ERROR_BODY_BYTES).catch(() => undefined);
    clearTimeout(late);
  }

  /** Gives up the connection. */
  destroy(): void {
    this.#body.destroy();
  }
}

/** Holds a body's rate against the least that is taken, one window of waiting time after another. */
class RateCheck {
  readonly #windowMs: number;
  #waited = 0;
  #received = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** @throws {Fault} where a window is over and too little came in it */
  add(bytes: number, waitedMs: number): void {
    this.#waited += waitedMs;
    this.#received += bytes;
    if (this.#waited < this.#windowMs) return;
    const rate = (this.#received / this.#waited) * 1000;
    if (rate < LEAST_RATE) {
      throw new Fault(
        `it sends no more than ${Math.round(rate)} bytes a second, and ${LEAST_RATE} are the least that is taken`,
        { retryAfterMs: SLOW_RETRY_MS },
      );
    }
    this.#waited = this.#received = 0;
  }
}
