import { CacheError } from '../../errors.ts';
import { type EntraCredential, exchangeForRefreshToken, isAcrHost } from './acr.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicHeader, type Credential, type CredentialStore } from './credentials.ts';
import type { RetryContext } from '../exchange/retry.ts';
import { TokenCache } from './tokenCache.ts';
import { requestToken, type Token } from './tokens.ts';
import type { Transport } from '../exchange/transport.ts';

/** What is being pulled from where: enough to ask for the right to do so. */
export interface Subject {
  readonly registry: string;
  readonly registryUrl: URL;
  readonly repository: string;
  /** For messages. */
  readonly image: string;
}

export interface AuthenticationOptions {
  readonly transport: Transport;
  readonly context: RetryContext;
  readonly credentials: CredentialStore;
  /** Hosts to sign in to with this app's own identity. */
  readonly isAcr?: ((registry: string) => boolean) | undefined;
  readonly entraCredential: (registry: string) => Promise<EntraCredential>;
}

/** How a registry wants to be spoken to, learned from its last challenge for a repository. */
type Method =
  | { readonly scheme: 'basic'; readonly header: string }
  | {
      readonly scheme: 'bearer';
      readonly realm: URL;
      readonly service: string | undefined;
      readonly scopes: readonly string[];
    };

/** Repositories whose method is remembered; a worker that met more starts over. */
const MAX_METHODS = 1000;

/**
 * The Authorization headers for registries' own origins. Nothing is asked beforehand: the first request goes
 * without, and the 401 says what is wanted.
 */
export class Authentication {
  readonly #options: AuthenticationOptions;
  readonly #tokens: TokenCache;
  readonly #methods = new Map<string, Method>();
  /** ACRs that did not answer anonymously. */
  readonly #identityNeeded = new Set<string>();
  /** By the cloud that a registry is in: callers name registries, and each identity is large. */
  readonly #entra = new Map<string, Promise<EntraCredential>>();

  constructor(options: AuthenticationOptions) {
    this.#options = options;
    this.#tokens = new TokenCache(options.context.timing);
  }

  /** The header to send, where it is known already that one is needed. */
  async header(subject: Subject): Promise<string | undefined> {
    const { registryToken } = this.#credential(subject) ?? {};
    if (registryToken !== undefined) return `Bearer ${registryToken}`;
    const method = this.#methods.get(keyOf(subject));
    if (method === undefined) return undefined;
    if (method.scheme === 'basic') return method.header;
    return `Bearer ${(await this.#token(subject, method)).value}`;
  }

  hasCredential(subject: Subject): boolean {
    return this.#credential(subject) !== undefined;
  }

  /**
   * Learns from a refusal.
   * @param challenge the answer's WWW-Authenticate
   * @param sent the Authorization header that was refused
   * @param isFresh the header was made for this very request, so that making it again changes nothing
   * @returns whether asking again may do better
   */
  async refused(
    subject: Subject,
    challenge: string | string[] | undefined,
    sent: string | undefined,
    isFresh: boolean,
  ): Promise<boolean> {
    const credential = this.#credential(subject);
    if (credential?.registryToken !== undefined) return false;
    const key = keyOf(subject);
    const before = this.#methods.get(key);
    const method = this.#choose(subject, parseChallenges(challenge), credential) ?? before;
    if (method === undefined) return false;
    if (this.#methods.size >= MAX_METHODS) this.#methods.clear();
    this.#methods.set(key, method);
    if (method.scheme === 'basic') return sent !== method.header;
    if (sent !== undefined && this.#isAnonymous(subject) && this.#mayUseIdentity(subject)) {
      this.#identityNeeded.add(subject.registry);
      return true;
    }
    if (sent?.startsWith('Bearer ') === true) {
      await this.#tokens.drop(this.#tokenKey(subject, method), sent.slice('Bearer '.length));
      return !isFresh;
    }
    return true;
  }

  #credential(subject: Subject): Credential | undefined {
    return this.#options.credentials.find(subject.registry, subject.repository);
  }

  #choose(
    subject: Subject,
    challenges: readonly Challenge[],
    credential: Credential | undefined,
  ): Method | undefined {
    for (const { scheme, parameters } of challenges) {
      const realm = parameters.get('realm');
      if (scheme !== 'bearer' || realm === undefined || !URL.canParse(realm, subject.registryUrl.href))
        continue;
      const own = `repository:${subject.repository}:pull`;
      const named = (parameters.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
      return {
        scheme: 'bearer',
        realm: withoutUserinfo(new URL(realm, subject.registryUrl)),
        service: parameters.get('service'),
        // Some registries leave the scope out, and some name only what the ping needs.
        scopes: [...new Set([...named, own])],
      };
    }
    const header = credential === undefined ? undefined : basicHeader(credential);
    return header !== undefined && challenges.some(({ scheme }) => scheme === 'basic')
      ? { scheme: 'basic', header }
      : undefined;
  }

  async #token(subject: Subject, method: Method & { scheme: 'bearer' }): Promise<Token> {
    try {
      return await this.#cachedToken(subject, method);
    } catch (error) {
      const anonymousRefused = error instanceof CacheError && error.code === 'registry_denied';
      if (!anonymousRefused || !this.#isAnonymous(subject) || !this.#mayUseIdentity(subject)) throw error;
      this.#identityNeeded.add(subject.registry);
      return await this.#cachedToken(subject, method);
    }
  }

  #cachedToken(subject: Subject, method: Method & { scheme: 'bearer' }): Promise<Token> {
    const { transport, context } = this.#options;
    return this.#tokens.get(this.#tokenKey(subject, method), async () => {
      if (!this.#identityNeeded.has(subject.registry)) {
        return requestToken(transport, context, method, this.#credential(subject), subject.image);
      }
      const refresh = await this.#acrRefreshToken(subject);
      const realm = new URL('/oauth2/token', subject.registryUrl);
      const service = subject.registryUrl.host;
      const wanted = { realm, service, scopes: method.scopes };
      return requestToken(transport, context, wanted, { identityToken: refresh.value }, subject.image);
    });
  }

  #acrRefreshToken(subject: Subject): Promise<Token> {
    const { transport, context, entraCredential } = this.#options;
    return this.#tokens.get(`refresh ${subject.registryUrl.origin}`, async () => {
      const cloud = subject.registry.slice(subject.registry.lastIndexOf('.'));
      let credential = this.#entra.get(cloud);
      if (credential === undefined) {
        credential = entraCredential(subject.registry);
        this.#entra.set(cloud, credential);
      }
      return exchangeForRefreshToken(
        transport,
        context,
        subject.registryUrl,
        await credential,
        subject.image,
      );
    });
  }

  #isAnonymous(subject: Subject): boolean {
    return this.#credential(subject) === undefined && !this.#identityNeeded.has(subject.registry);
  }

  #mayUseIdentity(subject: Subject): boolean {
    return (this.#options.isAcr ?? isAcrHost)(subject.registry);
  }

  #tokenKey(subject: Subject, method: Method & { scheme: 'bearer' }): string {
    const as = this.#identityNeeded.has(subject.registry) ? 'identity' : 'configured';
    const { realm, service, scopes } = method;
    // The repository as well: entries per path may mean another user for the same scopes.
    return [subject.registryUrl.origin, subject.repository, as, realm.href, service, ...scopes].join(' ');
  }
}

function keyOf(subject: Subject): string {
  return `${subject.registryUrl.origin}/${subject.repository}`;
}

function withoutUserinfo(url: URL): URL {
  url.username = url.password = url.hash = '';
  return url;
}
