import { canonicalReference, type ImageReference } from '../../image/reference.ts';
import type { Authentication, Subject } from './authentication.ts';
import type { Answer } from '../exchange/answer.ts';
import { type Egress, printableHost } from '../net/egress.ts';
import type { Log } from '../exchange/events.ts';
import { readQuota } from '../exchange/quota.ts';
import { sendFollowing, WITHIN_ORIGIN } from '../exchange/redirects.ts';
import type { Ask, Transport } from '../exchange/transport.ts';
import { untilAborted } from '../exchange/untilAborted.ts';

/** A registry that says something else each time must not fill the log. */
const MAX_WARNINGS = 100;
/** Refusals one request may learn from: no token, anonymous not enough, a token that just ended. */
const MAX_REFUSALS = 3;

export interface EndpointOptions {
  readonly transport: Transport;
  readonly authentication: Authentication;
  readonly egress: Egress;
  readonly log: Log;
}

/** The registries' API: requests with authorization, up to where an answer leaves the registry's origin. */
export class Endpoint {
  readonly #options: EndpointOptions;
  /** Said already. */
  readonly #warnings = new Set<string>();

  constructor(options: EndpointOptions) {
    this.#options = options;
  }

  subject(ref: ImageReference): Subject {
    return {
      registry: ref.registry,
      registryUrl: this.#options.egress.registryUrl(ref.registry),
      repository: ref.repository,
      image: canonicalReference(ref),
    };
  }

  /**
   * @param path below `/v2/<repository>/`: `manifests/latest`
   * @returns any answer, a redirect to another origin among them: that one is the caller's to follow
   */
  async ask(subject: Subject, path: string, ask: Ask): Promise<Answer> {
    const { transport, authentication } = this.#options;
    let url = new URL(`/v2/${subject.repository}/${path}`, subject.registryUrl);
    let refusals = 0;
    for (;;) {
      // A token is fetched for all who want it: whoever has no time left stops waiting for it, and it is fetched all the same.
      const authorization = await untilAborted(authentication.header(subject), ask.signal);
      const headers = { ...ask.headers, ...(authorization !== undefined && { authorization }) };
      const answer = await sendFollowing(transport, url, { ...ask, headers }, WITHIN_ORIGIN);
      this.#note(answer);
      url = answer.url;
      // Some hide what is private behind 403 or 404 and only challenge at their root.
      const isHidden =
        (answer.status === 403 || answer.status === 404) &&
        authorization === undefined &&
        authentication.hasCredential(subject);
      if ((answer.status !== 401 && !isHidden) || refusals === MAX_REFUSALS) return answer;
      refusals += 1;
      const challenge = answer.headers['www-authenticate'] ?? (await this.#ping(subject, ask.signal));
      const isFresh = refusals > 1;
      if (!(await authentication.refused(subject, challenge, authorization, isFresh))) return answer;
      await answer.discard();
    }
  }

  /** Some registries challenge at their root only. https://github.com/containerd/containerd/issues/3291 */
  async #ping(subject: Subject, signal: AbortSignal | undefined): Promise<string | string[] | undefined> {
    const answer = await this.#options.transport.send(new URL('/v2/', subject.registryUrl), {
      method: 'GET',
      signal,
    });
    await answer.discard();
    return answer.status === 401 ? answer.headers['www-authenticate'] : undefined;
  }

  /** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings */
  #note(answer: Answer): void {
    const { log } = this.#options;
    const host = printableHost(answer.url);
    for (const header of [answer.headers.warning ?? []].flat()) {
      const text = /^299 - "((?:[^"\\]|\\.){1,500})"/.exec(header)?.[1]?.replace(/[^\x20-\x7e]/g, '?');
      if (text === undefined || this.#warnings.has(text) || this.#warnings.size > MAX_WARNINGS) continue;
      this.#warnings.add(text);
      log({ type: 'warning', host, text });
    }
    const quota = readQuota(answer.headers);
    if (quota !== undefined) log({ type: 'quota', host, quota });
  }
}
