import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/identity';
import { CacheError } from '../errors.ts';
import type { IdentitySetting } from '../identity.ts';
import { printable } from '../image/printable.ts';

/** A token is renewed when it is good for less than this, while requests go on with it. */
const RENEW_BEFORE_MS = 5 * 60_000;
/** Nothing is sent with a token that is good for less than this. */
const LAST_USE_BEFORE_MS = 10_000;
/** Of what an identity endpoint said. */
const MAX_QUOTED = 200;

/**
 * Tokens for one storage account. They are kept here: the SDK keeps them as well, but renews them where nobody hears of
 * a failure, and an identity endpoint that fails as a token ends would end the process. So to the SDK each token is at
 * its end; it asks before each request, and gets the one that is kept.
 * @see https://github.com/Azure/azure-sdk-for-js/blob/main/sdk/core/core-rest-pipeline/src/util/tokenCycler.ts
 */
export class StorageCredential implements TokenCredential {
  readonly #credential: TokenCredential;
  readonly #identity: IdentitySetting;
  /** For people. */
  readonly #account: string;
  #token: AccessToken | undefined;
  #renewal: Promise<AccessToken> | undefined;

  constructor(credential: TokenCredential, identity: IdentitySetting, account: string) {
    this.#credential = credential;
    this.#identity = identity;
    this.#account = account;
  }

  /** @throws {CacheError} storage_unavailable, saying whose identity it was and what to do */
  async getToken(scopes: string | string[], options: GetTokenOptions = {}): Promise<AccessToken> {
    // Storage refused the token that it was sent, and says what it wants of another.
    if (options.claims !== undefined || options.tenantId !== undefined) this.#token = undefined;
    const kept = this.#token;
    const leftMs = kept === undefined ? 0 : kept.expiresOnTimestamp - Date.now();
    if (kept !== undefined && leftMs > LAST_USE_BEFORE_MS) {
      // The next request tries again.
      if (leftMs < RENEW_BEFORE_MS) this.#renew(scopes, options).catch(() => undefined);
      return atItsEnd(kept);
    }
    return atItsEnd(await this.#renew(scopes, options));
  }

  /** One for all who wait. What ends one request, its abort signal, must not end that. */
  #renew(scopes: string | string[], options: GetTokenOptions): Promise<AccessToken> {
    const forAll = { ...options };
    delete forAll.abortSignal;
    this.#renewal ??= this.#fetch(scopes, forAll).finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #fetch(scopes: string | string[], options: GetTokenOptions): Promise<AccessToken> {
    let token: AccessToken | null;
    try {
      token = await this.#credential.getToken(scopes, options);
    } catch (cause) {
      throw this.#noToken(cause);
    }
    if (token === null) throw this.#noToken(undefined);
    this.#token = token;
    return token;
  }

  #noToken(cause: unknown): CacheError {
    const { clientId, resourceId } = this.#identity;
    const id = clientId ?? resourceId;
    const remedy =
      id === undefined
        ? 'Assign a managed identity to the app, and name it in IMAGE_STORAGE__clientId where it is a user-assigned one; on a machine of your own, sign in with az login.'
        : `Assign the managed identity ${id} to the app, or correct ${clientId === undefined ? 'the setting that names it' : 'IMAGE_STORAGE__clientId (AzureWebJobsStorage__clientId)'}.`;
    return new CacheError(
      'storage_unavailable',
      `There is no token for the storage account ${this.#account}: ${reason(cause)}. ${remedy} It needs the role Storage Blob Data Contributor on the account.`,
      { cause },
    );
  }
}

function atItsEnd(token: AccessToken): AccessToken {
  return { token: token.token, expiresOnTimestamp: 0 };
}

/** Of the several lines of text that the library makes of it, what an operator can use. */
function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return 'there is no identity';
  if (cause.name === 'TimeoutError')
    return 'the identity endpoint did not answer in time. Try again, and if it stays so, look at the identity';
  if (cause.name !== 'CredentialUnavailableError') return 'there is no identity that can be used';
  const said = /Description: (.+?) - Correlation ID/s.exec(cause.message)?.[1];
  if (said !== undefined) return `the identity endpoint says "${printable(said, MAX_QUOTED)}"`;
  return 'the identity endpoint cannot be reached. Try again, and if it stays so, look at the identity';
}
