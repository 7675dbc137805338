import { CacheError } from '../../errors.ts';
import type { Descriptor } from '../../image/manifest.ts';
import type { Subject } from '../auth/authentication.ts';
import type { Endpoint } from '../auth/endpoint.ts';
import type { Answer } from '../exchange/answer.ts';
import { answerError } from '../exchange/answerError.ts';
import { Fault } from '../traffic/fault.ts';
import { isRedirect } from '../exchange/redirects.ts';
import { printableHost } from '../net/egressRules.ts';
import { askFor, type BlobAnswer, type BlobRequest, RangeCheck } from './blobAnswer.ts';
import type { BlobTarget, BlobTargets } from './blobTargets.ts';

/** What storage is first asked for: a block of an archive, so that no more is thrown away than one read uses. */
const FIRST_READ_BYTES = 8 * 1024 * 1024;
/** Storage says one of these when the signature in its address has ended. */
const EXPIRED: ReadonlySet<number> = new Set([400, 401, 403, 404, 410]);
/** Of a layer's foreign urls. */
const MAX_FOREIGN_URLS = 5;

export interface BlobSourceOptions {
  readonly endpoint: Endpoint;
  readonly targets: BlobTargets;
  readonly subject: Subject;
  readonly descriptor: Descriptor;
}

/** Asks for one blob: at the storage where that is known, else at the registry, else at its foreign urls. */
export class BlobSource {
  readonly #options: BlobSourceOptions;
  readonly #key: string;
  readonly #ranges: RangeCheck;
  #host: string;

  constructor(options: BlobSourceOptions) {
    const { subject, descriptor } = options;
    this.#options = options;
    this.#key = `${subject.registryUrl.origin}/${subject.repository}@${descriptor.digest}`;
    this.#ranges = new RangeCheck(descriptor);
    this.#host = subject.registryUrl.host;
  }

  /** The host that was asked last, for messages and for whom to leave alone. */
  get host(): string {
    return this.#host;
  }

  /** @throws {Fault | CacheError} also where the answer does not hold the bytes that were asked for */
  async open(asked: BlobRequest): Promise<BlobAnswer> {
    const { targets } = this.#options;
    const request = { ...asked, ranged: asked.ranged && !this.#ranges.wholeOnly };
    const known = targets.get(this.#key);
    if (known === undefined) return this.#askRegistry(request);
    const answer = await this.#askStorage(known, request);
    if (!EXPIRED.has(answer.status)) return this.#accept(answer, request, known);
    await answer.discard();
    targets.drop(this.#key, known);
    return this.#askRegistry(request);
  }

  /** The address in use failed for no clear reason: the next try asks the registry for another. */
  forgetTarget(): void {
    const { targets } = this.#options;
    const target = targets.get(this.#key);
    if (target !== undefined) targets.drop(this.#key, target);
  }

  async #askRegistry(request: BlobRequest): Promise<BlobAnswer> {
    const { endpoint, subject, descriptor } = this.#options;
    this.#host = subject.registryUrl.host;
    const first = await endpoint.ask(subject, `blobs/${descriptor.digest}`, askFor(request));
    if (isRedirect(first)) return this.#followToStorage(first, request);
    if (first.status === 404 && descriptor.urls !== undefined) {
      await first.discard();
      return this.#askForeign(descriptor.urls, request);
    }
    return this.#accept(first, request, undefined);
  }

  async #followToStorage(redirect: Answer, asked: BlobRequest): Promise<BlobAnswer> {
    const { endpoint, subject, targets } = this.#options;
    const request = { ...asked, end: Math.min(asked.end, asked.start + FIRST_READ_BYTES) };
    const answer = await endpoint.follow(subject, redirect, askFor(request));
    this.#host = answer.url.host;
    const target = { url: answer.url, isForeign: false };
    const accepted = await this.#accept(answer, request, target);
    if (answer.url.origin !== subject.registryUrl.origin) targets.set(this.#key, target);
    return accepted;
  }

  /** Whoever wrote the manifest chose these: https only, no credentials, the egress rules on each. */
  async #askForeign(urls: readonly string[], request: BlobRequest): Promise<BlobAnswer> {
    const { subject, descriptor, targets } = this.#options;
    let last: unknown;
    for (const text of urls.slice(0, MAX_FOREIGN_URLS)) {
      try {
        if (!URL.canParse(text) || new URL(text).protocol !== 'https:') {
          throw new CacheError(
            'registry_not_allowed',
            `${subject.image} has a layer that is to come from an address which is not https: that is refused.`,
          );
        }
        const url = new URL(text);
        url.username = url.password = url.hash = '';
        const foreign = { url, isForeign: true };
        const answer = await this.#askStorage(foreign, request);
        const accepted = await this.#accept(answer, request, foreign);
        targets.set(this.#key, { url: answer.url, isForeign: true });
        return accepted;
      } catch (error) {
        request.signal?.throwIfAborted();
        last = error;
      }
    }
    throw last instanceof Error
      ? last
      : new CacheError('image_not_found', `${subject.image}: its layer ${descriptor.digest} is nowhere.`);
  }

  async #askStorage({ url, isForeign }: BlobTarget, request: BlobRequest): Promise<Answer> {
    const { endpoint, subject } = this.#options;
    this.#host = url.host;
    return endpoint.askElsewhere(subject, url, { ...askFor(request), isForeign });
  }

  /** @param storage where the answer came from, unless it was the registry */
  async #accept(answer: Answer, request: BlobRequest, storage: BlobTarget | undefined): Promise<BlobAnswer> {
    try {
      const accepted = this.#ranges.accept(answer, request, storage !== undefined);
      if (accepted === undefined) throw await this.#errorOf(answer, storage);
      if (accepted !== 'ask whole') return accepted;
    } catch (error) {
      answer.destroy();
      throw error;
    }
    await answer.discard();
    const whole = { ...request, end: this.#options.descriptor.size, ranged: false };
    if (storage === undefined) return this.#askRegistry(whole);
    const target = { ...storage, url: answer.url };
    return this.#accept(await this.#askStorage(target, whole), whole, target);
  }

  async #errorOf(answer: Answer, storage: BlobTarget | undefined): Promise<Fault | CacheError> {
    const { subject, descriptor } = this.#options;
    const { status, url } = answer;
    const host = printableHost(url);
    const { image } = subject;
    if (storage !== undefined && !storage.isForeign && EXPIRED.has(status)) {
      await answer.discard();
      const evidence = `storage ${status}`;
      return new Fault(`storage that the registry sent us to answered ${status}`, { host, evidence });
    }
    const blob = `blob ${descriptor.digest} of ${image}`;
    const error = await answerError(answer, { ...subject, image: blob });
    if (error instanceof Fault) return error;
    if (storage !== undefined) {
      return new CacheError('registry_unavailable', `Storage at ${host} answered ${status} for ${blob}.`, {
        cause: error,
      });
    }
    if (error.code !== 'image_not_found') return error;
    return new CacheError(
      'image_not_found',
      `${host} does not have ${blob}, which its manifest lists. Push the image again, or ask the registry's operator.`,
      { cause: error },
    );
  }
}
