import type { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';
import { Agent, Pool, request } from 'undici';
import { CacheError } from '../../errors.ts';
import { Answer, type AnswerHeaders } from './answer.ts';
import type { SharedBackoff } from '../traffic/backoff.ts';
import { connectionError, isUnreadable } from './connectionError.ts';
import { connectorTo, type Lookup } from '../net/connector.ts';
import type { Egress } from '../net/egress.ts';
import { type EgressRules, printableHost } from '../net/egressRules.ts';
import type { Log } from './events.ts';
import type { Fault } from '../traffic/fault.ts';
import { type KnownSecrets, rememberSecrets } from './quotable.ts';
import { LargeDocuments } from '../traffic/largeDocuments.ts';
import { SilenceWatch } from '../traffic/silence.ts';
import type { Timing } from '../traffic/timing.ts';
import { ALL_CONNECTIONS, type Purpose, Traffic } from '../traffic/traffic.ts';

const USER_AGENT = 'tes-image-cache (+https://github.com/opencontainers/distribution-spec)';

/** Go's limit, which registries' clients are mostly written in: some send 20 KB of cookies and policies. */
const MAX_HEADER_BYTES = 1024 * 1024;

/** Hosts that are remembered for answers that the parser did not take; and how long, in milliseconds. */
const UNREADABLE_HOSTS = { max: 1000, ttl: 3_600_000 };

/** Whose work a request is: which hosts it may lead to depends on the registry. */
export interface AskSubject {
  readonly registryUrl: URL;
  /** For messages. */
  readonly image: string;
}

export interface Ask {
  readonly subject: AskSubject;
  /** An image's author chose the address, not the registry. */
  readonly isForeign?: boolean;
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** `prompt` where nothing is said. */
  readonly purpose?: Purpose;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Before it is known for whom. */
export type AskDetails = Omit<Ask, 'subject'>;

export interface TransportOptions {
  readonly egress: Egress;
  readonly backoff: SharedBackoff;
  readonly timing: Timing;
  readonly log: Log;
  readonly secrets: KnownSecrets;
  readonly lookup?: Lookup | undefined;
}

/** A connection that one registry's work may use is none that every registry's may. */
interface Agents {
  readonly named: Agent;
  readonly anyone: Agent;
}

/**
 * Sends one request over a connection that the egress rules allow. It follows nothing, decodes nothing and
 * repeats nothing: what those would hide is what this client is about.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly secrets: KnownSecrets;
  readonly largeDocuments = new LargeDocuments();
  readonly #strict: Agents;
  readonly #mending: Agents;
  /** Their answers' heads are mended from then on. A connection then takes one request: where its answer ends is known
   * to nobody else. */
  readonly #unreadable = new LRUCache<string, true>(UNREADABLE_HOSTS);
  readonly #traffic: Traffic;
  readonly #silence: SilenceWatch;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.secrets = options.secrets;
    this.#traffic = new Traffic(options.backoff, options.timing);
    this.#silence = new SilenceWatch(options.timing);
    this.#strict = this.#agents();
    this.#mending = this.#agents(MAX_HEADER_BYTES);
  }

  #agents(mendHeads?: number): Agents {
    const { named, anyone } = this.#options.egress;
    return { named: this.#agent(named, mendHeads), anyone: this.#agent(anyone, mendHeads) };
  }

  #agent(egress: EgressRules, mendHeads?: number): Agent {
    const { lookup, timing } = this.#options;
    const { connectMs } = timing;
    return new Agent({
      maxHeaderSize: MAX_HEADER_BYTES,
      allowH2: false, // one connection per layer: a reset then costs one layer, not all of them
      pipelining: 1,
      connections: ALL_CONNECTIONS,
      headersTimeout: 0, // SilenceWatch has the deadline, which no header and no 1xx answer puts off
      bodyTimeout: 0, // Answer watches the body, and does not count the time our side takes
      factory: (origin, poolOptions: Pool.Options) =>
        new Pool(origin, {
          ...poolOptions,
          connect: connectorTo(new URL(origin), { egress, connectMs, lookup, mendHeads }),
        }),
    });
  }

  /**
   * @throws {Fault} where the network failed in a way that may pass
   * @throws {CacheError} registry_not_allowed by the egress rules; registry_unavailable for good; registry_throttled
   * where too much is under way at the host
   */
  async send(url: URL, ask: Ask): Promise<Answer> {
    const { egress, timing, secrets } = this.#options;
    const { subject, isForeign = false, purpose = 'prompt', signal } = ask;
    const rules = egress.rulesFor(subject.registryUrl, url, isForeign);
    const refusal = rules.refusalOf(url);
    if (refusal !== undefined) throw this.#refused(url, ask, refusal);
    rememberSecrets(secrets, ask);
    const place = await this.#traffic.enter(url.host, purpose, signal);
    const deadlineMs = purpose === 'prompt' ? timing.headersMs : timing.patientHeadersMs;
    const watched = this.#silence.watch(url.host, deadlineMs, signal);
    try {
      const answer = await this.#request(url, ask, rules, watched.signal);
      place.answered();
      answer.body.once('close', () => place.leave());
      return new Answer({ url, ...answer }, answer.body, {
        timing,
        secrets,
        largeDocuments: this.largeDocuments,
      });
    } catch (error) {
      place.leave();
      signal?.throwIfAborted();
      if (isUnreadable(error)) this.#unreadable.set(url.host, true);
      throw this.#failed(url, ask, connectionError(error, url, { ...subject, secrets }));
    } finally {
      watched.end();
    }
  }

  async #request(
    url: URL,
    { method, headers, body }: Ask,
    rules: EgressRules,
    signal: AbortSignal,
  ): Promise<{ status: number; headers: AnswerHeaders; body: Readable }> {
    const isMended = this.#unreadable.has(url.host);
    const dispatcher = isMended ? this.#mending : this.#strict;
    const answer = await request(url, {
      dispatcher: rules === this.#options.egress.named ? dispatcher.named : dispatcher.anyone,
      reset: isMended,
      method,
      headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...headers },
      body: body ?? null,
      signal,
    });
    const { log, secrets } = this.#options;
    const path = secrets.quotable(url.pathname);
    log({ type: 'request', method, host: printableHost(url), path, status: answer.statusCode });
    return { status: answer.statusCode, headers: answer.headers, body: answer.body };
  }

  async close(): Promise<void> {
    const agents = [this.#strict, this.#mending].flatMap(({ named, anyone }) => [named, anyone]);
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  /** Whoever asked for the image chose the registry; where that one leads, nobody but its operator can change. */
  #refused(url: URL, { subject, isForeign }: Ask, refusal: CacheError): CacheError {
    const { log, secrets } = this.#options;
    const { registryUrl, image } = subject;
    if (url.host === registryUrl.host) return refusal;
    const from = isForeign === true ? 'A layer of it' : printableHost(registryUrl);
    const to = secrets.quotable(printableHost(url));
    const text = `It leads to ${to}, which was refused. Where the two belong together, join them by + in INSECURE_REGISTRIES or ALLOWED_REGISTRIES.`;
    log({ type: 'warning', host: printableHost(registryUrl), text });
    return new CacheError(
      'registry_not_allowed',
      `${image} cannot be had: ${from} leads to ${to}, where this service does not go.`,
      { cause: refusal },
    );
  }

  #failed(url: URL, ask: Ask, error: Fault | CacheError): Fault | CacheError {
    return error instanceof CacheError && error.code === 'registry_not_allowed'
      ? this.#refused(url, ask, error)
      : this.#traffic.failed(url.host, ask.purpose ?? 'prompt', error);
  }
}
