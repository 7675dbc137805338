import type { PruneView, ReindexView, RunView, StatisticsView, WarmView } from '../../api/operatorViews.ts';
import type { CacheError } from '../../errors.ts';
import type { CataloguePage, ImageView, LookupView, OtherView, RefusedView } from '../../api/views.ts';
import {
  areOthers,
  isFailure,
  isImage,
  isObject,
  isPruned,
  isStatistics,
  isWarmed,
  type JsonObject,
} from './answers.ts';

export interface ServiceOptions {
  /** Where the app answers: `https://….azurewebsites.net`. */
  readonly url: string;
  /** A function key, sent as a header. */
  readonly key?: string | undefined;
  /** An Entra token, sent as a header. */
  readonly token?: string | undefined;
  /** Breaks off what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** What the service answered instead of what was asked for. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: string;
  /** It may go away by itself, so that asking again makes sense. */
  readonly retryable: boolean;

  constructor(code: string, message: string, options: ErrorOptions & { readonly retryable?: boolean } = {}) {
    super(message, options);
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** What is done on the service, or on its storage where none runs (src/direct/storageCache.ts). */
export type ImageCache = Pick<
  ImageCacheService,
  'state' | 'lookup' | 'inspect' | 'list' | 'remove' | 'prune' | 'reindex' | 'statistics'
>;

/**
 * An error that says itself what happened and what to do: the service's, or of work on its storage, which is another
 * bundle with classes of its own.
 */
export function isTold(error: unknown): error is ServiceError | CacheError {
  return error instanceof ServiceError || (error instanceof Error && error.name === 'CacheError');
}

/** An image that was asked for in a list. */
export type EnsuredImage = ImageView | RefusedView;

/** What the service takes in one request. */
const MAX_IMAGES = 100;
/** What it gives of runs in one answer, at most. */
const MAX_RUNS = 200;
/** The platform in front of the app cuts a request off after 230 s. */
const TIMEOUT_MS = 240_000;
/** Answers that are a service's, or its gateway's, that is down for a moment. */
const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** The service's HTTP interface, as the command line uses it. */
export class ImageCacheService {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal | undefined;

  /** @param options with a `url` of http or https */
  constructor({ url, key, token, signal }: ServiceOptions) {
    this.#url = url.replace(/\/+$/, '');
    this.#headers = {
      ...(key !== undefined && key !== '' && { 'x-functions-key': key }),
      ...(token !== undefined && token !== '' && { authorization: `Bearer ${token}` }),
    };
    this.#signal = signal;
  }

  /** Asks for all, a hundred at once; what is refused comes back as failed, in its place. */
  async ensure(images: readonly string[], platform: string | undefined): Promise<EnsuredImage[]> {
    const views: EnsuredImage[] = [];
    for (let start = 0; start < images.length; start += MAX_IMAGES) {
      const some = images.slice(start, start + MAX_IMAGES);
      const answer = await this.#send('POST', '/api/images', {}, { images: some, platform });
      // A list with refusals has the status of the first of them.
      const { images: answered } = answer.body;
      views.push(...this.#images(answered ?? this.#fail(answer)));
    }
    return views;
  }

  async state(image: string, platform: string | undefined): Promise<ImageView> {
    return this.#image(await this.#json('GET', '/api/images', { image, platform })) as ImageView;
  }

  async lookup(image: string, platform: string | undefined): Promise<LookupView> {
    return this.#image(await this.#json('GET', '/api/lookup', { image, platform })) as LookupView;
  }

  /** As lookup, but it counts as no use. */
  async inspect(image: string, platform: string | undefined): Promise<LookupView> {
    return this.#image(
      await this.#json('GET', '/api/lookup', { image, platform, use: 'false' }),
    ) as LookupView;
  }

  async list(prefix: string | undefined, continuation?: string): Promise<CataloguePage> {
    const page = await this.#json('GET', '/api/images', { prefix, continuation });
    const { images, others, continuation: next } = page;
    if ((next !== undefined && typeof next !== 'string') || (others !== undefined && !areOthers(others)))
      throw this.#unknownAnswer();
    return {
      images: this.#images(images) as ImageView[],
      ...(others !== undefined && { others: others as OtherView[] }),
      ...(next !== undefined && { continuation: next }),
    };
  }

  /** What is on its way and what failed lately, newest first. */
  async runs(): Promise<readonly RunView[]> {
    const { images } = await this.#json('GET', '/api/runs', { limit: `${MAX_RUNS}` });
    return this.#images(images) as readonly RunView[];
  }

  /** Rebuilds what is known of a page of archives. */
  async reindex(continuation?: string): Promise<ReindexView> {
    const {
      indexed,
      others,
      continuation: next,
    } = await this.#json('POST', '/api/reindex', { continuation });
    if (typeof indexed !== 'number' || !areOthers(others) || (next !== undefined && typeof next !== 'string'))
      throw this.#unknownAnswer();
    return { indexed, others: others as OtherView[], ...(next !== undefined && { continuation: next }) };
  }

  async prune(dryRun: boolean): Promise<PruneView> {
    const answer = await this.#json('POST', '/api/prune', { dryRun: String(dryRun) });
    if (!isPruned(answer)) throw this.#unknownAnswer();
    return answer as unknown as PruneView;
  }

  /** Caches what is to be kept ready, or says what would be. */
  async warm(dryRun: boolean): Promise<WarmView> {
    const answer = await this.#json('POST', '/api/warm', { dryRun: String(dryRun) });
    if (!isWarmed(answer)) throw this.#unknownAnswer();
    return answer as unknown as WarmView;
  }

  async statistics(days: number): Promise<StatisticsView> {
    const answer = await this.#json('GET', '/api/statistics', { days: String(days) });
    if (!isStatistics(answer)) throw this.#unknownAnswer();
    return answer as unknown as StatisticsView;
  }

  async remove(image: string, platform: string | undefined): Promise<ImageView> {
    return this.#image(await this.#json('DELETE', '/api/images', { image, platform })) as ImageView;
  }

  /** @throws {ServiceError} where it is no list of images, as of a service of another version */
  #images(views: unknown): readonly EnsuredImage[] {
    if (!Array.isArray(views)) throw this.#unknownAnswer();
    return views.map((view) => this.#image(view));
  }

  #image(view: unknown): EnsuredImage {
    if (!isImage(view)) throw this.#unknownAnswer();
    return view;
  }

  #unknownAnswer(): ServiceError {
    return new ServiceError(
      'service_unavailable',
      `${this.#url} is not an image cache of this version: its answer is not known. Update image-cache.`,
    );
  }

  async #json(method: string, path: string, query: Query): Promise<JsonObject> {
    const answer = await this.#send(method, path, query);
    return answer.response.ok ? answer.body : this.#fail(answer);
  }

  #fail({ body, response }: Answer): never {
    if (!isFailure(body)) throw response.ok ? this.#unknownAnswer() : this.#notTheService(response);
    throw new ServiceError(body.code, body.detail, { retryable: body.retryable });
  }

  async #send(method: string, path: string, query: Query, body?: unknown): Promise<Answer> {
    const url = new URL(this.#url + path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value);
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, {
        method,
        headers: { ...this.#headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        // Whoever is redirected to would be sent the key as well.
        redirect: 'manual',
        signal: AbortSignal.any([
          AbortSignal.timeout(TIMEOUT_MS),
          ...(this.#signal === undefined ? [] : [this.#signal]),
        ]),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (cause) {
      this.#signal?.throwIfAborted();
      throw new ServiceError(
        'service_unavailable',
        `No service answers at ${this.#url} (${reasonOf(cause)}).`,
        { cause, retryable: true },
      );
    }
    const json = response.headers.get('content-type')?.includes('json') === true ? parse(text) : undefined;
    if (json === undefined || response.status === 401) throw this.#notTheService(response);
    return { response, body: json };
  }

  /** An answer of what stands in front of the app, or in its place. */
  #notTheService({ status, headers }: Response): ServiceError {
    const location = headers.get('location');
    if (status === 401)
      return new ServiceError(
        'unauthorized',
        `${this.#url} wants a key: set IMAGE_CACHE_KEY or IMAGE_CACHE_TOKEN.`,
      );
    if (status === 403)
      return new ServiceError(
        'forbidden',
        `${this.#url} refuses you (403): it may let in other networks or other identities only.`,
      );
    if (status >= 300 && status < 400 && location !== null && URL.canParse(location, this.#url))
      return new ServiceError(
        'redirected',
        `${this.#url} redirects to ${new URL(location, this.#url).origin}, and nothing was sent there. ` +
          'Name that as the service; or, where it is a page to sign in, set IMAGE_CACHE_TOKEN.',
      );
    const retryable = PASSING.has(status);
    const message = retryable
      ? `${this.#url} is not ready: it answered ${status}. Try again.`
      : `${this.#url} is not an image cache: it answered ${status}.`;
    return new ServiceError('service_unavailable', message, { retryable });
  }
}

interface Answer {
  readonly response: Response;
  readonly body: JsonObject;
}

type Query = Readonly<Record<string, string | undefined>>;

/** Undefined where it is no JSON object. */
function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
