import { LRUCache } from 'lru-cache';
import { Agent, Pool, request } from 'undici';
import { connectorTo, type Lookup } from '../net/connector.ts';
import { type Egress, printableHost } from '../net/egress.ts';
import { Answer } from './answer.ts';
import type { SharedBackoff } from './backoff.ts';
import { connectionError } from './connectionError.ts';
import type { Log } from './events.ts';
import { Fault } from './fault.ts';
import { HostLine, type Place } from './hostLine.ts';
import { SilenceWatch } from './silence.ts';
import type { Timing } from './timing.ts';

/**
 * What a request is for: `prompt` is answered at once by whoever is well (a HEAD, a token); a `document` or a `blob`
 * may be fetched by a proxy before the first byte comes.
 */
export type Purpose = 'prompt' | 'document' | 'blob';

/**
 * Connections to one host. As many layers as one instance copies at a time, and some that no layer can take from
 * manifests and tokens; few enough that a registry which counts connections does not mind.
 */
const CONNECTIONS: Readonly<Record<Purpose, number>> = { prompt: 6, document: 4, blob: 16 };
const ALL_CONNECTIONS = CONNECTIONS.prompt + CONNECTIONS.document + CONNECTIONS.blob;
/** Callers name hosts. One that is forgotten is met as a new one. */
const MAX_LINES = 2000;
const USER_AGENT = 'tes-image-cache (+https://github.com/opencontainers/distribution-spec)';

export interface Ask {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** `prompt` where nothing is said. */
  readonly purpose?: Purpose;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  readonly egress: Egress;
  readonly backoff: SharedBackoff;
  readonly timing: Timing;
  readonly log: Log;
  readonly lookup?: Lookup | undefined;
}

/**
 * Sends one request over a connection that the egress rules allow. It follows nothing, decodes nothing and
 * repeats nothing: what those would hide is what this client is about.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly #agent: Agent;
  readonly #silence: SilenceWatch;
  /** By host and purpose. */
  readonly #lines = new LRUCache<string, HostLine>({ max: MAX_LINES });

  constructor(options: TransportOptions) {
    const { egress, lookup, timing } = options;
    const { connectMs } = timing;
    this.#options = options;
    this.#silence = new SilenceWatch(timing);
    this.#agent = new Agent({
      allowH2: false, // one connection per layer: a reset then costs one layer, not all of them
      pipelining: 1,
      connections: ALL_CONNECTIONS,
      headersTimeout: 0, // SilenceWatch has the deadline, which no header and no 1xx answer puts off
      bodyTimeout: 0, // Answer watches the body, and does not count the time our side takes
      factory: (origin, poolOptions: Pool.Options) =>
        new Pool(origin, {
          ...poolOptions,
          connect: connectorTo(new URL(origin), { egress, connectMs, lookup }),
        }),
    });
  }

  /**
   * @throws {Fault} where the network failed in a way that may pass
   * @throws {CacheError} registry_not_allowed by the egress rules; registry_unavailable for good; registry_throttled
   * where too much is under way at the host
   */
  async send(url: URL, ask: Ask): Promise<Answer> {
    const { egress, backoff } = this.#options;
    const refusal = egress.refusalOf(url);
    if (refusal !== undefined) throw refusal;
    const { purpose = 'prompt', signal } = ask;
    const key = `${url.host} ${purpose}`;
    await backoff.ready(url.host, signal);
    await backoff.ready(key, signal);
    signal?.throwIfAborted();
    const line = this.#line(key, url.host, purpose);
    const place = await line.enter(signal);
    try {
      const answer = await this.#exchange(url, ask, purpose, place);
      backoff.answered(url.host);
      backoff.answered(key);
      return answer;
    } catch (error) {
      place.leave();
      signal?.throwIfAborted();
      const failure = connectionError(error, url);
      if (!(failure instanceof Fault) || failure.outage === undefined) throw failure;
      // A host that takes connections may be mute for one purpose and well for another.
      const { message, outage, cause } = failure;
      const retryAfterMs = backoff.down(outage === 'host' ? url.host : key);
      const down = new Fault(message, { outage, retryAfterMs, cause });
      line.clear(down);
      throw down;
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #exchange(url: URL, ask: Ask, purpose: Purpose, place: Place): Promise<Answer> {
    const { timing, log } = this.#options;
    const deadlineMs = purpose === 'prompt' ? timing.headersMs : timing.patientHeadersMs;
    const watched = this.#silence.watch(url.host, deadlineMs, ask.signal);
    try {
      const { statusCode, headers, body } = await request(url, {
        dispatcher: this.#agent,
        method: ask.method,
        headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...ask.headers },
        body: ask.body ?? null,
        signal: watched.signal,
      });
      place.answered();
      body.once('close', () => place.leave());
      log({
        type: 'request',
        method: ask.method,
        host: printableHost(url),
        path: url.pathname,
        status: statusCode,
      });
      return new Answer({ url, status: statusCode, headers }, body, timing);
    } finally {
      watched.end();
    }
  }

  #line(key: string, host: string, purpose: Purpose): HostLine {
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = new HostLine(host, CONNECTIONS[purpose], this.#options.timing);
      this.#lines.set(key, line);
    }
    return line;
  }
}
