/**
 * The HTTP API of the durable extension: what the durable client in the worker calls on the local RPC
 * port (`/durabletask/`), and anyone may call on the public one (`/runtime/webhooks/durabletask/`).
 */
import type { Json } from '../worker/typedData.ts';
import { jsonText } from '../worker/typedData.ts';
import * as history from './history.ts';
import type { Instance } from './instance.ts';
import { statusText } from './statusView.ts';
import type { TaskHub } from './taskHub.ts';

interface ApiRequest {
  readonly method: string;
  /** Path below the API's base, not decoded, without a leading slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  /** Scheme, host and port the request was sent to. */
  readonly origin: string;
  /** Full URL of the request. */
  readonly url: string;
  readonly continuationToken?: string | undefined;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON text; a response without one has Content-Length 0. */
  readonly json?: string;
}

/** Query parameters of the management URLs; `code` is the system key, empty when keys are not enforced. */
export interface ManagementLinks {
  readonly taskHubName: string;
  readonly systemKey: string | undefined;
}

const EMPTY_404: ApiResponse = { status: 404 };
const PAGE_SIZE = 100;

const json = (status: number, value: unknown, headers: Record<string, string> = {}): ApiResponse => ({
  status,
  headers,
  json: JSON.stringify(value),
});
const notHere = (what: string): ApiResponse => json(501, `${what} is not supported by the local host.`);

/** As .NET's WebUtility.UrlEncode. */
const urlEncode = (text: string): string =>
  encodeURIComponent(text).replace(/%20/g, '+').replace(/~/g, '%7E').replace(/'/g, '%27');

/** URLs with which an instance can be managed. `id` may be a placeholder. */
export function managementUrls(origin: string, id: string, { taskHubName, systemKey }: ManagementLinks) {
  const base = `${origin}/runtime/webhooks/durabletask/instances/${urlEncode(id)}`;
  const code = systemKey === undefined ? '' : `&code=${systemKey}`;
  const query = `taskHub=${taskHubName}&connection=Storage${code}`;
  return {
    id,
    statusQueryGetUri: `${base}?${query}`,
    sendEventPostUri: `${base}/raiseEvent/{eventName}?${query}`,
    terminatePostUri: `${base}/terminate?reason={text}&${query}`,
    purgeHistoryDeleteUri: `${base}?${query}`,
    restartPostUri: `${base}/restart?${query}`,
    suspendPostUri: `${base}/suspend?reason={text}&${query}`,
    resumePostUri: `${base}/resume?reason={text}&${query}`,
  };
}

export class ClientApi {
  readonly #hub: TaskHub;
  readonly #links: ManagementLinks;

  constructor(hub: TaskHub, links: ManagementLinks) {
    this.#hub = hub;
    this.#links = links;
  }

  handle(request: ApiRequest): ApiResponse {
    const segments = request.path.split('/');
    // An escaped slash stays one in a route value, and matches no instance.
    if (segments.some((segment) => /%2f/i.test(segment))) return EMPTY_404;
    const [area, ...rest] = segments.map((segment) => decodeURIComponent(segment));
    switch (area) {
      case 'orchestrators':
        return request.method === 'POST' ? this.#start(request, rest) : EMPTY_404;
      case 'instances':
        return this.#instances(request, rest);
      case 'entities':
        return notHere('An entity');
      default:
        return EMPTY_404;
    }
  }

  #start({ body, query, origin }: ApiRequest, [name, id, ...more]: string[]): ApiResponse {
    if (name === undefined || name === '' || more.length > 0) return EMPTY_404;
    if (query.has('version')) return notHere('A version');
    const input = body === '' ? null : readJson(body);
    if (input instanceof SyntaxError) return invalidJson(body, input);
    const instance = this.#hub.start({
      name,
      id: id === undefined || id === '' ? undefined : id,
      input: input === null ? (body === '' ? null : 'null') : JSON.stringify(input),
    });
    if (instance === undefined) {
      const status = this.#hub.instances.get(id ?? '')?.status ?? 'Running';
      return json(409, { Message: `An Orchestration instance with the status ${status} already exists.` });
    }
    const links = managementUrls(origin, instance.id, this.#links);
    return json(202, links, { location: links.statusQueryGetUri, 'retry-after': '10' });
  }

  #instances(request: ApiRequest, [id = '', operation, eventName, ...more]: string[]): ApiResponse {
    const { method } = request;
    if (more.length > 0) return EMPTY_404;
    if (operation === undefined) {
      if (method === 'GET') return id === '' ? this.#list(request) : this.#status(request, id);
      if (method === 'DELETE') return id === '' ? this.#purgeMany(request) : this.#purge(id);
      return EMPTY_404;
    }
    if (method !== 'POST') return EMPTY_404;
    const reason = request.query.get('reason') ?? '';
    switch (operation) {
      case 'raiseEvent':
        return eventName === undefined ? EMPTY_404 : this.#raise(id, eventName, request.body);
      case 'terminate':
        return this.#send(id, history.executionTerminated(reason));
      case 'suspend':
        return this.#send(id, history.executionSuspended(reason));
      case 'resume':
        return this.#send(id, history.executionResumed(reason));
      case 'rewind':
      case 'restart':
        return notHere(`To ${operation} an instance`);
      default:
        return EMPTY_404;
    }
  }

  #raise(id: string, name: string, body: string): ApiResponse {
    const data = readJson(body);
    if (data instanceof SyntaxError) return invalidJson(body, data);
    return this.#send(id, history.eventRaised(name, jsonText(data)));
  }

  #send(id: string, event: history.HistoryEvent): ApiResponse {
    const refusal = this.#hub.send(id, event);
    return { status: refusal === undefined ? 202 : refusal === 'absent' ? 404 : 410 };
  }

  #status({ query, url }: ApiRequest, id: string): ApiResponse {
    const instance = this.#hub.instances.get(id);
    if (instance === undefined) return EMPTY_404;
    const text = statusText(instance, {
      input: query.get('showInput') !== 'false',
      history: query.get('showHistory') === 'true',
      historyOutput: query.get('showHistoryOutput') === 'true',
    });
    if (instance.isEnded) return { status: 200, json: text };
    return { status: 202, headers: { location: url, 'retry-after': '5' }, json: text };
  }

  #list(request: ApiRequest): ApiResponse {
    const { query, continuationToken } = request;
    const top = Number(query.get('top') ?? PAGE_SIZE);
    const from =
      continuationToken === undefined || continuationToken === '' ? '' : fromToken(continuationToken);
    const matching = this.#matching(query).filter(({ id }) => id > from);
    const page = matching.slice(0, top);
    const next = matching.length > page.length ? toToken(page.at(-1)?.id ?? '') : '';
    const show = { input: query.get('showInput') !== 'false', history: false, historyOutput: false };
    return {
      status: 200,
      headers: { 'x-ms-continuation-token': next },
      json: `[${page.map((instance) => statusText(instance, show)).join(',')}]`,
    };
  }

  #purge(id: string): ApiResponse {
    const instance = this.#hub.instances.get(id);
    if (instance === undefined) return EMPTY_404;
    if (!instance.isEnded) {
      return json(
        412,
        'Only orchestrations in a terminal state can be purged, ' +
          `but the orchestration with instance ID ${id} has status ${instance.status}`,
      );
    }
    this.#hub.instances.delete(id);
    return json(200, { instancesDeleted: 1 });
  }

  #purgeMany({ query }: ApiRequest): ApiResponse {
    if (query.get('createdTimeFrom') === null)
      return json(400, "Please provide value for 'createdTimeFrom' parameter.");
    // The real host takes Running, the zero of its enumeration, for no filter at all.
    const statuses = (query.get('runtimeStatus') ?? '').split(',').filter((status) => status !== 'Running');
    query.set('runtimeStatus', statuses.join(','));
    const matching = this.#matching(query);
    for (const { id } of matching) this.#hub.instances.delete(id);
    return matching.length === 0 ? EMPTY_404 : json(200, { instancesDeleted: matching.length });
  }

  /** In the order of ids, as the tables of the real task hub give them. */
  #matching(query: URLSearchParams): Instance[] {
    const from = Date.parse(query.get('createdTimeFrom') ?? '') || -Infinity;
    const to = Date.parse(query.get('createdTimeTo') ?? '') || Infinity;
    const statuses = (query.get('runtimeStatus') ?? '').split(',').filter((status) => status !== '');
    const prefix = query.get('instanceIdPrefix') ?? '';
    return [...this.#hub.instances.values()]
      .filter(({ id, createdTime }) => id.startsWith(prefix) && +createdTime >= from && +createdTime <= to)
      .filter(({ status }) => statuses.length === 0 || statuses.includes(status))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

const toToken = (id: string): string => Buffer.from(id).toString('base64url');
const fromToken = (token: string): string => Buffer.from(token, 'base64url').toString();

function readJson(text: string): Json | SyntaxError {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    return error instanceof SyntaxError ? error : new SyntaxError(String(error));
  }
}

function invalidJson(text: string, error: SyntaxError): ApiResponse {
  const empty = "Error reading JToken from JsonReader. Path '', line 0, position 0.";
  return json(400, {
    Message: 'Invalid JSON content',
    ExceptionMessage: text === '' ? empty : error.message,
    ExceptionType: 'Newtonsoft.Json.JsonReaderException',
    StackTrace: '   at the local host',
  });
}
