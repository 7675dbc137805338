import { CacheError } from '../../errors.ts';
import type { Descriptor } from '../../image/manifest.ts';
import { answerError } from '../exchange/answerError.ts';
import type { Subject } from '../auth/authentication.ts';
import type { BlobTargets } from './blobTargets.ts';
import { discard } from '../exchange/body.ts';
import { parseContentRange } from './contentRange.ts';
import { printableHost } from '../net/egress.ts';
import type { Endpoint } from '../auth/endpoint.ts';
import { Fault } from '../exchange/fault.ts';
import { followRedirects, isRedirect } from '../exchange/redirects.ts';
import type { RetryContext } from '../exchange/retry.ts';
import type { Answer, Ask, Transport } from '../exchange/transport.ts';

/** What storage is first asked for: a block of an archive, so that no more is thrown away than one read uses. */
const FIRST_READ_BYTES = 8 * 1024 * 1024;
/** Storage says one of these when the signature in its address has ended. */
const EXPIRED: ReadonlySet<number> = new Set([400, 401, 403, 404, 410]);
/** Whole answers to range requests that are taken for a mishap before the server is believed. */
const MAX_IGNORED_RANGES = 2;

/** An answer that holds a blob's bytes from `start` to `end`, after `skip` bytes that were not asked for. */
export interface BlobPart {
  readonly answer: Answer;
  readonly start: number;
  readonly end: number;
  readonly skip: number;
  /** The server kept to the range that was asked for. */
  readonly ranged: boolean;
  /** It came from where the registry sent us, not from the registry. */
  readonly fromStorage: boolean;
}

export interface BlobSourceOptions {
  readonly endpoint: Endpoint;
  readonly transport: Transport;
  readonly context: RetryContext;
  readonly targets: BlobTargets;
  readonly subject: Subject;
  readonly descriptor: Descriptor;
}

/** Opens parts of one blob: at the storage where that is known, else at the registry, else at its foreign urls. */
export class BlobSource {
  readonly #options: BlobSourceOptions;
  readonly #key: string;
  #honoured = false;
  #ignored = 0;
  #wholeOnly = false;
  /** The host that was asked last, for messages and for whom to leave alone. */
  host: string;

  constructor(options: BlobSourceOptions) {
    this.#options = options;
    this.#key = `${options.subject.registryUrl.origin}/${options.subject.repository}@${options.descriptor.digest}`;
    this.host = options.subject.registryUrl.host;
  }

  /**
   * @param ranged false to ask for the whole blob, as for one that is read at once
   * @throws {Fault | CacheError} also where the answer is not the part that was asked for
   */
  async open(start: number, end: number, ranged: boolean, signal?: AbortSignal): Promise<BlobPart> {
    const wantsRange = ranged && !this.#wholeOnly;
    const known = this.#options.targets.get(this.#key);
    if (known !== undefined) {
      const answer = await this.#askStorage(known, start, end, wantsRange, signal);
      if (!EXPIRED.has(answer.status)) return this.#part(answer, start, end, wantsRange, true);
      await discard(answer, this.#options.context.timing);
      this.#options.targets.drop(this.#key, known);
    }
    return this.#openAtRegistry(start, end, wantsRange, signal);
  }

  /** The address in use failed for no clear reason: the next try asks the registry for another. */
  forgetTarget(): void {
    const target = this.#options.targets.get(this.#key);
    if (target !== undefined) this.#options.targets.drop(this.#key, target);
  }

  async #openAtRegistry(
    start: number,
    end: number,
    wantsRange: boolean,
    signal: AbortSignal | undefined,
  ): Promise<BlobPart> {
    const { endpoint, transport, context, subject, descriptor, targets } = this.#options;
    this.host = subject.registryUrl.host;
    const ask = blobAsk(start, end, wantsRange, signal);
    const first = await endpoint.ask(subject, `blobs/${descriptor.digest}`, ask);
    if (isRedirect(first)) {
      const firstEnd = Math.min(end, start + FIRST_READ_BYTES);
      const answer = await followRedirects(
        transport,
        context.timing,
        first,
        blobAsk(start, firstEnd, wantsRange, signal),
      );
      this.host = answer.url.host;
      if (EXPIRED.has(answer.status)) {
        await discard(answer, context.timing);
        throw new Fault(`storage that the registry sent us to answered ${answer.status}`);
      }
      if (answer.url.origin !== subject.registryUrl.origin) targets.set(this.#key, answer.url);
      return this.#part(answer, start, firstEnd, wantsRange, true);
    }
    if (first.status === 404 && descriptor.urls !== undefined) {
      await discard(first, context.timing);
      return this.#openForeign(descriptor.urls, start, end, wantsRange, signal);
    }
    return this.#part(first, start, end, wantsRange, false);
  }

  /** Whoever wrote the manifest chose these: https only, no credentials, the egress rules on each. */
  async #openForeign(
    urls: readonly string[],
    start: number,
    end: number,
    wantsRange: boolean,
    signal: AbortSignal | undefined,
  ): Promise<BlobPart> {
    const { subject, descriptor, targets } = this.#options;
    let last: unknown;
    for (const text of urls.slice(0, 5)) {
      try {
        if (!URL.canParse(text) || new URL(text).protocol !== 'https:') {
          throw new CacheError(
            'registry_not_allowed',
            `${subject.image} has a layer that is to come from an address which is not https: that is refused.`,
          );
        }
        const url = new URL(text);
        url.username = url.password = url.hash = '';
        const answer = await this.#askStorage(url, start, end, wantsRange, signal);
        const part = await this.#part(answer, start, end, wantsRange, true);
        targets.set(this.#key, answer.url);
        return part;
      } catch (error) {
        signal?.throwIfAborted();
        last = error;
      }
    }
    throw last instanceof Error
      ? last
      : new CacheError('image_not_found', `${subject.image}: its layer ${descriptor.digest} is nowhere.`);
  }

  async #askStorage(
    url: URL,
    start: number,
    end: number,
    wantsRange: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const { transport, context } = this.#options;
    this.host = url.host;
    const ask = blobAsk(start, end, wantsRange, signal);
    return followRedirects(transport, context.timing, await transport.send(url, ask), ask);
  }

  async #part(
    answer: Answer,
    start: number,
    end: number,
    wantsRange: boolean,
    fromStorage: boolean,
  ): Promise<BlobPart> {
    try {
      return await this.#checkedPart(answer, start, end, wantsRange, fromStorage);
    } catch (error) {
      answer.body.destroy();
      throw error;
    }
  }

  async #checkedPart(
    answer: Answer,
    start: number,
    end: number,
    wantsRange: boolean,
    fromStorage: boolean,
  ): Promise<BlobPart> {
    const { subject, descriptor, context } = this.#options;
    const host = printableHost(answer.url);
    const length = lengthOf(answer);
    if (answer.headers['content-encoding'] !== undefined && answer.headers['content-encoding'] !== 'identity')
      throw new Fault('it encoded a blob that was asked for as it is', { code: 'digest_mismatch' });
    if (answer.status === 206) {
      const range = parseContentRange(answer.headers['content-range']);
      const fits = range?.start === start && range.end <= end;
      if (!wantsRange || range === undefined || !fits) {
        if (this.#ignored++ >= MAX_IGNORED_RANGES) this.#wholeOnly = true;
        throw new Fault('it sent another range than was asked for');
      }
      if (range.total !== undefined && range.total !== descriptor.size)
        throw otherSize(range.total, descriptor);
      if (length !== undefined && length !== range.end - range.start)
        throw new Fault('it sent a length that contradicts its range');
      this.#honoured = true;
      this.#ignored = 0;
      return { answer, start, end: range.end, skip: 0, ranged: true, fromStorage };
    }
    if (answer.status === 200) {
      if (length !== undefined && length !== descriptor.size) throw otherSize(length, descriptor);
      if (start > 0 && this.#honoured && this.#ignored++ < MAX_IGNORED_RANGES)
        throw new Fault('it sent the whole blob although a range was asked for');
      return { answer, start, end: descriptor.size, skip: start, ranged: false, fromStorage };
    }
    if (answer.status === 416) {
      this.#wholeOnly = true;
      throw new Fault('it has fewer bytes than the manifest says', { code: 'digest_mismatch' });
    }
    const error = await answerError(answer, `${subject.image}, blob ${descriptor.digest},`, context.timing);
    if (!(error instanceof Fault) && fromStorage) {
      throw new CacheError('registry_unavailable', `Storage at ${host} answered ${answer.status}.`, {
        cause: error,
      });
    }
    throw error;
  }
}

function blobAsk(start: number, end: number, wantsRange: boolean, signal: AbortSignal | undefined): Ask {
  return {
    method: 'GET',
    headers: { accept: '*/*', ...(wantsRange && { range: `bytes=${start}-${end - 1}` }) },
    signal,
  };
}

function lengthOf(answer: Answer): number | undefined {
  const text = answer.headers['content-length'];
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function otherSize(size: number, descriptor: Descriptor): Fault {
  return new Fault(`it has ${size} bytes for ${descriptor.digest}, the manifest says ${descriptor.size}`, {
    code: 'digest_mismatch',
  });
}
