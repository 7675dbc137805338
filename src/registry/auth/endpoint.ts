import { LRUCache } from 'lru-cache';
import { CacheError } from '../../errors.ts';
import { canonicalReference, type ImageReference } from '../../image/reference.ts';
import type { Authentication, Subject } from './authentication.ts';
import { pullScope } from './signInMethod.ts';
import type { Answer } from '../exchange/answer.ts';
import { answerError } from '../exchange/answerError.ts';
import type { Egress } from '../net/egress.ts';
import { printableHost } from '../net/egressRules.ts';
import type { Log } from '../exchange/events.ts';
import { readQuota } from '../exchange/quota.ts';
import { FOLLOW_ALL, followRedirects, sendFollowing, WITHIN_ORIGIN } from '../exchange/redirects.ts';
import type { GuestAccess } from './guestAccess.ts';
import type { AskDetails, Transport } from '../exchange/transport.ts';
import { untilAborted } from '../exchange/untilAborted.ts';

/** A registry that says something else each time must not fill the log. */
const MAX_WARNINGS = 100;
/** Refusals one request may learn from: no token, anonymous not enough, a token that just ended. */
const MAX_REFUSALS = 3;

const MAX_ROOTS = 1000;
const ROOT_MS = 10 * 60 * 1000;
/** Answers to those who have not signed in that may be others once they have. */
const HIDING: ReadonlySet<number> = new Set([403, 404]);

/** A WWW-Authenticate header; undefined where there is none. */
type RootChallenge = string | string[] | undefined;

export interface EndpointOptions {
  readonly transport: Transport;
  readonly authentication: Authentication;
  readonly guests: GuestAccess;
  readonly egress: Egress;
  readonly log: Log;
}

/** The registries' API: requests with authorization, up to where an answer leaves the registry's origin. */
export class Endpoint {
  readonly #options: EndpointOptions;
  /** Said already. */
  readonly #warnings = new Set<string>();
  /** What the roots of registries said, by repository: asked once, however often something is not there. */
  readonly #roots = new LRUCache<string, { readonly challenge: RootChallenge }>({
    max: MAX_ROOTS,
    ttl: ROOT_MS,
  });

  constructor(options: EndpointOptions) {
    this.#options = options;
  }

  subject(ref: ImageReference): Subject {
    return {
      registry: ref.registry,
      registryUrl: this.#options.egress.registryUrl(ref.registry),
      repository: ref.repository,
      scope: pullScope(ref.repository),
      image: canonicalReference(ref),
    };
  }

  /**
   * What is read about a registry rather than of an image.
   * @param scope by which its token server knows the right to
   * @param name for messages
   */
  subjectOf(registry: string, repository: string, scope: string, name: string): Subject {
    const registryUrl = this.#options.egress.registryUrl(registry);
    return { registry, registryUrl, repository, scope, image: name };
  }

  /**
   * @param path below `/v2/<repository>/`: `manifests/latest`
   * @returns any answer, a redirect to another origin among them: follow() goes on from there
   */
  ask(subject: Subject, path: string, ask: AskDetails): Promise<Answer> {
    return this.askAt(subject, `/v2/${subject.repository}/${path}`, ask);
  }

  /** @param path of the registry, with its query: `/acr/v1/_catalog?n=100` */
  async askAt(subject: Subject, path: `/${string}`, ask: AskDetails): Promise<Answer> {
    const { transport, authentication } = this.#options;
    let url = new URL(subject.registryUrl.origin + path);
    let refusals = 0;
    for (;;) {
      // A token is fetched for all who want it: whoever has no time left stops waiting, and it is fetched all the same.
      const authorization = await untilAborted(authentication.header(subject), ask.signal);
      const headers = { ...ask.headers, ...(authorization !== undefined && { authorization }) };
      const answer = await sendFollowing(transport, url, { ...ask, subject, headers }, WITHIN_ORIGIN);
      this.#note(answer);
      url = answer.url;
      const isRefused = answer.status === 401 || (HIDING.has(answer.status) && authorization === undefined);
      if (!isRefused || refusals === MAX_REFUSALS) return answer;
      refusals += 1;
      const refusal = await answer.settled();
      const challenge =
        refusal.headers['www-authenticate'] ?? (await this.#rootChallenge(subject, ask.signal));
      const isFresh = refusals > 1;
      if (!(await authentication.refused(subject, challenge, authorization, isFresh))) return refusal;
    }
  }

  /**
   * Follows what ask() answered to wherever the registry leads. A registry that moved is signed in to as anybody may.
   * @throws {Fault | CacheError} as followRedirects does; registry_denied where the other host wants to know who we are
   */
  async follow(subject: Subject, first: Answer, ask: AskDetails): Promise<Answer> {
    const answer = await followRedirects(this.#options.transport, first, { ...ask, subject }, FOLLOW_ALL);
    return this.#asGuest(subject, answer, ask);
  }

  /** Asks where an earlier answer led to. */
  async askElsewhere(subject: Subject, url: URL, ask: AskDetails): Promise<Answer> {
    const answer = await sendFollowing(this.#options.transport, url, { ...ask, subject }, FOLLOW_ALL);
    return this.#asGuest(subject, answer, ask);
  }

  async #asGuest(subject: Subject, answer: Answer, ask: AskDetails): Promise<Answer> {
    const { transport, guests } = this.#options;
    const { url } = answer;
    const isOwn = url.origin === subject.registryUrl.origin;
    if (answer.status !== 401 || isOwn || ask.isForeign === true) return answer;
    const method = guests.methodOf(subject, answer);
    if (method === undefined) return answer;
    const refusal = await answer.settled();
    let authorization: string;
    try {
      authorization = await untilAborted(guests.header(subject, url.origin, method), ask.signal);
    } catch (error) {
      if (!(error instanceof CacheError) || error.code !== 'registry_denied') throw error;
      throw await answerError(refusal, subject);
    }
    const headers = { ...ask.headers, authorization };
    const second = await sendFollowing(transport, url, { ...ask, subject, headers }, FOLLOW_ALL);
    if (second.status !== 401 || second.url.origin !== url.origin) return second;
    await guests.refused(subject, url.origin, method, authorization);
    throw await answerError(second, subject);
  }

  /**
   * Some registries challenge at their root only, and hide what is private behind 403 or 404 until then.
   * https://github.com/containerd/containerd/issues/3291
   */
  async #rootChallenge(subject: Subject, signal: AbortSignal | undefined): Promise<RootChallenge> {
    const key = `${subject.registryUrl.origin}/${subject.repository}`;
    const known = this.#roots.get(key);
    if (known !== undefined) return known.challenge;
    const url = new URL('/v2/', subject.registryUrl);
    const answer = await this.#options.transport.send(url, { subject, method: 'GET', signal });
    await answer.discard();
    const challenge = answer.status === 401 ? answer.headers['www-authenticate'] : undefined;
    this.#roots.set(key, { challenge });
    return challenge;
  }

  /** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings */
  #note(answer: Answer): void {
    const { log, transport } = this.#options;
    const { secrets } = transport;
    const host = printableHost(answer.url);
    for (const header of [answer.headers.warning ?? []].flat()) {
      const said = /^299 - "((?:[^"\\]|\\.){1,500})"/.exec(header)?.[1];
      const text = said && secrets.quotable(said).replace(/[^\x20-\x7e]/g, '?');
      if (text === undefined || this.#warnings.has(text) || this.#warnings.size > MAX_WARNINGS) continue;
      this.#warnings.add(text);
      log({ type: 'warning', host, text });
    }
    const quota = readQuota(answer.headers);
    if (quota === undefined) return;
    const source = quota.source && secrets.quotable(quota.source);
    log({ type: 'quota', host, quota: { ...quota, ...(source !== undefined && { source }) } });
  }
}
