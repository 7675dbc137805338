import { Agent, Pool, request } from 'undici';
import { Answer } from './answer.ts';
import type { SharedBackoff } from './backoff.ts';
import { connectionError } from './connectionError.ts';
import { connectorTo, type Lookup } from '../net/connector.ts';
import { type Egress, printableHost } from '../net/egress.ts';
import type { Log } from './events.ts';
import type { Timing } from './timing.ts';

/**
 * Open connections to one origin. As many layers as one instance copies at a time, and some for manifests;
 * few enough that a registry which counts connections does not mind.
 */
const CONNECTIONS_PER_ORIGIN = 16;
const USER_AGENT = 'tes-image-cache (+https://github.com/opencontainers/distribution-spec)';

export interface Ask {
  readonly method: 'GET' | 'HEAD' | 'POST';
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

  constructor(options: TransportOptions) {
    const { egress, lookup, timing } = options;
    const { connectMs } = timing;
    this.#options = options;
    this.#agent = new Agent({
      allowH2: false, // one connection per layer: a reset then costs one layer, not all of them
      pipelining: 1,
      connections: CONNECTIONS_PER_ORIGIN,
      headersTimeout: timing.headersMs,
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
   * @throws {CacheError} registry_not_allowed by the egress rules; registry_unavailable for good
   */
  async send(url: URL, ask: Ask): Promise<Answer> {
    const { egress, backoff, timing, log } = this.#options;
    const refusal = egress.refusalOf(url);
    if (refusal !== undefined) throw refusal;
    await backoff.ready(url.host, ask.signal);
    ask.signal?.throwIfAborted();
    try {
      const { statusCode, headers, body } = await request(url, {
        dispatcher: this.#agent,
        method: ask.method,
        headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...ask.headers },
        body: ask.body ?? null,
        signal: ask.signal ?? null,
      });
      log({
        type: 'request',
        method: ask.method,
        host: printableHost(url),
        path: url.pathname,
        status: statusCode,
      });
      return new Answer({ url, status: statusCode, headers }, body, timing);
    } catch (error) {
      ask.signal?.throwIfAborted();
      throw connectionError(error, url);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
