import type { Answer } from '../exchange/answer.ts';
import type { RetryContext } from '../exchange/retry.ts';
import type { Transport } from '../exchange/transport.ts';
import type { Subject } from './authentication.ts';
import { parseChallenges } from './challenge.ts';
import { type BearerMethod, chooseMethod, pullScope } from './signInMethod.ts';
import { TokenCache } from './tokenCache.ts';
import { requestToken } from './tokens.ts';

/**
 * Anonymous tokens for hosts that registries sent us on to, as one that moved does. No credential and no identity
 * ever goes there: those are for the host that they were configured for.
 */
export class GuestAccess {
  readonly #transport: Transport;
  readonly #context: RetryContext;
  readonly #tokens: TokenCache;

  constructor(transport: Transport, context: RetryContext) {
    this.#transport = transport;
    this.#context = context;
    this.#tokens = new TokenCache(context.timing);
  }

  /**
   * @param refusal a 401 of the other host
   * @returns how to ask it again; undefined where it offers nothing that is for anybody
   */
  methodOf(subject: Subject, { url, headers }: Answer): BearerMethod | undefined {
    const challenges = parseChallenges(headers['www-authenticate']);
    // What it is called there: a registry that moved may have put it under another name.
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url.pathname)?.[1] ?? subject.repository;
    const method = chooseMethod(challenges, undefined, new URL(url.origin), pullScope(repository));
    return method?.scheme === 'bearer' ? method : undefined;
  }

  /** @throws {CacheError} registry_denied where it wants to know who we are */
  async header({ image, registryUrl }: Subject, origin: string, method: BearerMethod): Promise<string> {
    // The other host names its own realm: where that may be depends on that host.
    const guest = { image, registryUrl: new URL(origin) };
    const token = await this.#tokens.get(keyOf(registryUrl, origin, method), new URL(origin).host, () =>
      requestToken(this.#transport, this.#context, method, undefined, guest),
    );
    return `Bearer ${token.value}`;
  }

  /** Forgets a header that was refused. */
  async refused(
    { registryUrl }: Subject,
    origin: string,
    method: BearerMethod,
    header: string,
  ): Promise<void> {
    await this.#tokens.drop(keyOf(registryUrl, origin, method), header.slice('Bearer '.length));
  }
}

/** The registry as well: a token that one registry's realm gave is for nobody else's work. */
function keyOf(registryUrl: URL, origin: string, { realm, service, scopes }: BearerMethod): string {
  return [registryUrl.origin, origin, realm.href, service, ...scopes].join(' ');
}
