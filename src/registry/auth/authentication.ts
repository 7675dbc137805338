import { LRUCache } from 'lru-cache';
import { CacheError } from '../../errors.ts';
import { type EntraCredential, exchangeForRefreshToken } from './acr.ts';
import { parseChallenges } from './challenge.ts';
import type { Credential, CredentialStore } from './credentials.ts';
import type { RetryContext } from '../exchange/retry.ts';
import { type BearerMethod, chooseMethod, type SignInMethod } from './signInMethod.ts';
import { TokenCache } from './tokenCache.ts';
import { requestToken, type Token } from './tokens.ts';
import type { AskSubject, Transport } from '../exchange/transport.ts';

/** What is being read where: enough to ask for the right to do so. */
export interface Subject extends AskSubject {
  readonly registry: string;
  /** Empty for what is of the whole registry. */
  readonly repository: string;
  /** `repository:team/tool:pull`. https://distribution.github.io/distribution/spec/auth/scope/ */
  readonly scope: string;
}

export interface AuthenticationOptions {
  readonly transport: Transport;
  readonly context: RetryContext;
  readonly credentials: CredentialStore;
  /** Hosts to sign in to with this app's own identity. */
  readonly isAcr: (registry: string) => boolean;
  readonly entraCredential: (registry: string) => Promise<EntraCredential>;
}

/** Scopes whose method is remembered; one that is forgotten costs a refusal. */
const MAX_METHODS = 1000;

/**
 * The Authorization headers for registries' own origins. Nothing is asked beforehand: the first request goes
 * without, and the 401 says what is wanted.
 */
export class Authentication {
  readonly #options: AuthenticationOptions;
  readonly #tokens: TokenCache;
  readonly #methods = new LRUCache<string, SignInMethod>({ max: MAX_METHODS });
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
    const { registryUrl, scope } = subject;
    const challenges = parseChallenges(challenge);
    const method = chooseMethod(challenges, credential, registryUrl, scope) ?? this.#methods.get(key);
    if (method === undefined) return false;
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

  async #token(subject: Subject, method: BearerMethod): Promise<Token> {
    try {
      return await this.#cachedToken(subject, method);
    } catch (error) {
      const anonymousRefused = error instanceof CacheError && error.code === 'registry_denied';
      if (!anonymousRefused || !this.#isAnonymous(subject) || !this.#mayUseIdentity(subject)) throw error;
      this.#identityNeeded.add(subject.registry);
      return await this.#cachedToken(subject, method);
    }
  }

  #cachedToken(subject: Subject, method: BearerMethod): Promise<Token> {
    const { transport, context } = this.#options;
    return this.#tokens.get(this.#tokenKey(subject, method), subject.registry, async () => {
      if (!this.#identityNeeded.has(subject.registry)) {
        return requestToken(transport, context, method, this.#credential(subject), subject);
      }
      const refresh = await this.#acrRefreshToken(subject);
      const realm = new URL('/oauth2/token', subject.registryUrl);
      const service = subject.registryUrl.host;
      const wanted = { realm, service, scopes: method.scopes };
      return requestToken(transport, context, wanted, { identityToken: refresh.value }, subject);
    });
  }

  #acrRefreshToken(subject: Subject): Promise<Token> {
    const { transport, context, entraCredential } = this.#options;
    return this.#tokens.get(`refresh ${subject.registryUrl.origin}`, subject.registry, async () => {
      const cloud = subject.registry.slice(subject.registry.lastIndexOf('.'));
      let credential = this.#entra.get(cloud);
      if (credential === undefined) {
        credential = entraCredential(subject.registry);
        this.#entra.set(cloud, credential);
      }
      return exchangeForRefreshToken(transport, context, await credential, subject);
    });
  }

  #isAnonymous(subject: Subject): boolean {
    return this.#credential(subject) === undefined && !this.#identityNeeded.has(subject.registry);
  }

  #mayUseIdentity(subject: Subject): boolean {
    return this.#options.isAcr(subject.registry);
  }

  #tokenKey(subject: Subject, method: BearerMethod): string {
    const as = this.#identityNeeded.has(subject.registry) ? 'identity' : 'configured';
    const { realm, service, scopes } = method;
    // The repository as well: entries per path may mean another user for the same scopes.
    return [subject.registryUrl.origin, subject.repository, as, realm.href, service, ...scopes].join(' ');
  }
}

function keyOf(subject: Subject): string {
  return `${subject.registryUrl.origin} ${subject.scope}`;
}
