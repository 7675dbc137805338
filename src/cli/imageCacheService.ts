import type { CataloguePage, ImageView, LookupView, RefusedView } from '../api/views.ts';
import type { Failure } from '../errors.ts';

export interface ServiceOptions {
  /** Where the app answers: `https://….azurewebsites.net`. */
  readonly url: string;
  /** A function key, sent as a header. */
  readonly key?: string | undefined;
  /** An Entra token, sent as a header. */
  readonly token?: string | undefined;
}

/** What the service answered instead of what was asked for. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An image that was asked for in a list. */
export type EnsuredImage = ImageView | RefusedView;

/** The service's HTTP interface, as the command line uses it. */
export class ImageCacheService {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, key, token }: ServiceOptions) {
    if (!URL.canParse(url) || !/^https?:/.test(url)) {
      throw new ServiceError('invalid_request', `"${url}" is not the URL of a service. Write https://HOST.`);
    }
    this.#url = url.replace(/\/+$/, '');
    this.#headers = {
      ...(key !== undefined && { 'x-functions-key': key }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
  }

  /** Asks for all at once; what is refused comes back as failed, in its place. */
  async ensure(images: readonly string[], platform: string | undefined): Promise<EnsuredImage[]> {
    const answer = await this.#send('POST', '/api/images', {}, { images, platform });
    const { images: views } = answer.body as { readonly images?: EnsuredImage[] };
    return views ?? fail(answer);
  }

  state(image: string, platform: string | undefined): Promise<ImageView> {
    return this.#json('GET', '/api/images', { image, platform });
  }

  lookup(image: string, platform: string | undefined): Promise<LookupView> {
    return this.#json('GET', '/api/lookup', { image, platform });
  }

  list(prefix: string | undefined, continuation: string | undefined): Promise<CataloguePage> {
    return this.#json('GET', '/api/images', { prefix, continuation });
  }

  remove(image: string, platform: string | undefined): Promise<ImageView> {
    return this.#json('DELETE', '/api/images', { image, platform });
  }

  async #json<T>(method: string, path: string, query: Query): Promise<T> {
    const answer = await this.#send(method, path, query);
    return answer.ok ? (answer.body as T) : fail(answer);
  }

  async #send(method: string, path: string, query: Query, body?: unknown): Promise<Answer> {
    const url = new URL(this.#url + path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value);
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(url, {
        method,
        headers: { ...this.#headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      text = await answer.text();
    } catch (cause) {
      throw new ServiceError(
        'service_unavailable',
        `No service answers at ${this.#url} (${reasonOf(cause)}).`,
        { cause },
      );
    }
    if (answer.status === 401) {
      throw new ServiceError(
        'unauthorized',
        `${this.#url} wants a key: set IMAGE_CACHE_KEY or IMAGE_CACHE_TOKEN.`,
      );
    }
    const json = answer.headers.get('content-type')?.includes('json') === true ? parse(text) : undefined;
    if (json === undefined) {
      throw new ServiceError(
        'service_unavailable',
        `${this.#url} is not an image cache: it answered ${answer.status}.`,
      );
    }
    return { ok: answer.ok, status: answer.status, body: json };
  }
}

interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly body: object;
}

type Query = Readonly<Record<string, string | undefined>>;

function fail({ body, status }: Answer): never {
  const { code, detail } = body as Partial<Failure>;
  throw new ServiceError(code ?? 'internal_error', detail ?? `The service answered ${status}.`);
}

/** Undefined where it is no JSON object. */
function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
