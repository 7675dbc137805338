import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { Agent, buildConnector, Pool, request } from 'undici';
import type { SharedBackoff } from './backoff.ts';
import { connectionError } from './connectionError.ts';
import { type Egress, printableHost } from '../net/egress.ts';
import type { Log } from './events.ts';
import type { Timing } from './timing.ts';

/** Resolves a name to every address it has, as `dns.promises.lookup(name, { all: true })` does. */
export type Lookup = (hostname: string) => Promise<readonly LookupAddress[]>;

/**
 * Open connections to one origin. As many layers as one instance copies at a time, and some for manifests;
 * few enough that a registry which counts connections does not mind.
 */
const CONNECTIONS_PER_ORIGIN = 16;
/** Node gives each of a host's addresses 250 ms, which fails on every distant host that has two. */
const ATTEMPT_PER_ADDRESS_MS = 2_000;
const USER_AGENT = 'tes-image-cache (+https://github.com/opencontainers/distribution-spec)';

export interface Ask {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

/** One hop's answer. Whoever gets it must read the body or destroy it. */
export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
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
    this.#options = options;
    this.#agent = new Agent({
      allowH2: false, // one connection per layer: a reset then costs one layer, not all of them
      pipelining: 1,
      connections: CONNECTIONS_PER_ORIGIN,
      headersTimeout: options.timing.headersMs,
      bodyTimeout: 0, // readBody watches the body, and does not count the time our side takes
      factory: (origin, poolOptions: Pool.Options) =>
        new Pool(origin, { ...poolOptions, connect: this.#connector(new URL(origin)) }),
    });
  }

  /**
   * @throws {Fault} where the network failed in a way that may pass
   * @throws {CacheError} registry_not_allowed by the egress rules; registry_unavailable for good
   */
  async send(url: URL, ask: Ask): Promise<Answer> {
    const { egress, backoff, log } = this.#options;
    egress.checkUrl(url);
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
      // A body that is given up on reports that as an error event, which nobody else waits for.
      body.on('error', () => undefined);
      log({
        type: 'request',
        method: ask.method,
        host: printableHost(url),
        path: url.pathname,
        status: statusCode,
      });
      return { url, status: statusCode, headers, body };
    } catch (error) {
      ask.signal?.throwIfAborted();
      throw connectionError(error, url);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Connects to one origin, only ever to addresses that the rules allow for it. */
  #connector(origin: URL): buildConnector.connector {
    const { egress, timing } = this.#options;
    const connect = buildConnector({
      allowH2: false,
      timeout: timing.connectMs,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ATTEMPT_PER_ADDRESS_MS,
      lookup: this.#checkedLookup(origin),
    });
    return (options, callback) => {
      try {
        egress.checkUrl(origin); // an address written out never reaches the lookup
      } catch (error) {
        callback(error as Error, null);
        return;
      }
      connect(options, (...result) => {
        const [, socket] = result;
        // The same rule once more on what the socket says, should a resolver ever get past the lookup.
        const address = socket?.remoteAddress;
        if (address !== undefined) {
          try {
            egress.checkAddress(origin, address);
          } catch (error) {
            socket?.destroy();
            callback(error as Error, null);
            return;
          }
        }
        callback(...result);
      });
    };
  }

  #checkedLookup(origin: URL): LookupFunction {
    const { egress, lookup = lookupAll } = this.#options;
    return (hostname, options, callback) => {
      lookup(hostname).then(
        (addresses) => {
          try {
            // One forbidden address among good ones is how rebinding looks: the name as a whole is refused.
            for (const { address } of addresses) egress.checkAddress(origin, address);
          } catch (error) {
            callback(error as Error, []);
            return;
          }
          const [first] = addresses;
          if (first === undefined) callback(new Error(`${hostname} has no address`), []);
          else if (options.all === true) callback(null, [...addresses]);
          else callback(null, first.address, first.family);
        },
        (error: unknown) => callback(error as Error, []),
      );
    };
  }
}

function lookupAll(hostname: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });
}
