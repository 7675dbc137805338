import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { connectionError } from './connectionError.ts';
import { type ContentCoding, decodeWhole, parseCodings } from './contentCoding.ts';
import { type ErrorBody, parseErrors } from './errorBody.ts';
import { Fault } from '../traffic/fault.ts';
import type { LargeDocuments } from '../traffic/largeDocuments.ts';
import type { KnownSecrets } from './quotable.ts';
import type { Timing } from '../traffic/timing.ts';

/** Fewer bytes than this in a whole `stallMs` of waiting is a stall too, however steadily they drip. */
const STALL_PROGRESS_BYTES = 16 * 1024;
/** Bytes in a second of waiting, measured over `rateWindowMs`: below, a layer would take days and hold a place. */
const LEAST_RATE = 16 * 1024;
/** When to come back for a body that only drips. */
const SLOW_RETRY_MS = 60_000;
/** Error bodies: enough for every JSON that registries write, too little to hurt. */
const MAX_ERROR_BODY_BYTES = 64 * 1024;

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface AnswerContext {
  readonly timing: Timing;
  /** What must not be quoted. */
  readonly secrets: KnownSecrets;
  readonly largeDocuments: LargeDocuments;
}

/** One hop's answer. Whoever gets it must read its body, discard it or destroy it. */
export class Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly #body: Readable;
  readonly #timing: Timing;
  readonly #context: AnswerContext;

  constructor(
    { url, status, headers }: Pick<Answer, 'url' | 'status' | 'headers'>,
    body: Readable,
    context: AnswerContext,
  ) {
    this.url = url;
    this.status = status;
    this.headers = headers;
    this.#body = body;
    this.#context = context;
    this.#timing = context.timing;
    // A body that is given up on reports that as an error event, which nobody else waits for.
    body.on('error', () => undefined);
  }

  /** A header that says one thing, however often; several that differ contradict each other. */
  header(name: string): string | undefined {
    const [value, ...others] = [this.headers[name] ?? []].flat();
    return others.every((other) => other === value) ? value : undefined;
  }

  /** What the body may be encoded in although it was asked for as it is, outermost first: only its bytes tell. */
  get codings(): readonly ContentCoding[] {
    return parseCodings(this.headers['content-encoding']) ?? [];
  }

  /** Content-Length: the bytes that are sent, which are others than the content's where they are encoded. */
  get length(): number | undefined {
    const text = this.header('content-length');
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  }

  /** It is meant for a browser, which a registry's answers are not: a login page, a captive portal. */
  get isWebPage(): boolean {
    return /^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(this.header('content-type') ?? '');
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
   * @throws {CacheError} registry_throttled where it is large and too many are in hand
   */
  async whole(limit: number): Promise<Buffer | undefined> {
    const { documentMs } = this.#timing;
    const slow = setTimeout(() => {
      this.#body.destroy(new Fault(`it took longer than ${documentMs / 1000} s to send a document`));
    }, documentMs);
    const chunks: Uint8Array[] = [];
    const document = this.#context.largeDocuments.open();
    let length = 0;
    try {
      await document.grows(Math.min(limit, this.length ?? 0));
      for await (const chunk of this.bytes()) {
        length += chunk.length;
        if (length > limit) return undefined;
        const turn = document.grows(length);
        if (turn !== undefined) await turn;
        chunks.push(chunk);
      }
    } finally {
      clearTimeout(slow);
      document.close();
      this.#body.destroy();
    }
    return Buffer.concat(chunks, length);
  }

  /**
   * A small body as it came, where that `fits`; else without its codings.
   * @returns undefined where it is longer than `limit` bytes
   * @throws {Fault} as whole() does
   */
  async document(limit: number, fits: (bytes: Uint8Array) => boolean): Promise<Uint8Array | undefined> {
    const { codings } = this;
    const bytes = await this.whole(limit);
    if (bytes === undefined || codings.length === 0 || fits(bytes)) return bytes;
    return (await decodeWhole(bytes, codings, limit)) ?? bytes;
  }

  /** The same, with its body read as far as an error's is: it holds no connection while others are used. */
  async settled(): Promise<Answer> {
    const bytes = await this.whole(MAX_ERROR_BODY_BYTES).catch(() => undefined);
    const body = Readable.from(bytes === undefined || bytes.length === 0 ? [] : [bytes]);
    return new Answer(this, body, this.#context);
  }

  /** What the body of an error says, fit to be quoted. One that cannot be read says nothing. */
  async errorBody(): Promise<ErrorBody> {
    const { status, codings, isWebPage } = this;
    const bytes = await this.whole(MAX_ERROR_BODY_BYTES).catch(() => undefined);
    if (bytes === undefined || isWebPage) return { status, errors: [] };
    const decoded = (await decodeWhole(bytes, codings, MAX_ERROR_BODY_BYTES)) ?? bytes;
    const isText = /^\s*text\/plain\b/i.test(this.header('content-type') ?? '');
    const errors = parseErrors(Buffer.from(decoded).toString('utf8'), isText).map(({ code, message }) => ({
      code: this.#context.secrets.quotable(code),
      message: this.#context.secrets.quotable(message),
    }));
    return { status, errors };
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
