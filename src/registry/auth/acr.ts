import { CacheError } from '../../errors.ts';
import { openCredential } from '../../identity.ts';
import type { RetryContext } from '../exchange/retry.ts';
import { isTokenText, jwtLifetimeSeconds, postForToken, type Token } from './tokens.ts';
import type { AskSubject, Transport } from '../exchange/transport.ts';

/**
 * Azure Container Registry's own sign-in: a token of Microsoft Entra becomes a refresh token of the
 * registry, which then gets access tokens like any other.
 * https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
 */

/** The part of `@azure/identity`'s TokenCredential that is used. */
export interface EntraCredential {
  getToken(scope: string): Promise<{ readonly token: string; readonly expiresOnTimestamp: number } | null>;
}

/** Registry names are 5 to 50 letters and digits; a domain name label adds a hash after a dash. */
const ACR_HOST = /^[a-z0-9]{5,50}(?:-[a-z0-9]{4,32})?\.azurecr\.(io|cn|us)$/;
/** Where the answer does not say. Azure's live three hours. */
const REFRESH_TOKEN_SECONDS = 3600;

/** The name server zones are Microsoft's: no one else can be at such a host, and no port is ever given. */
export function isAcrHost(registry: string): boolean {
  return ACR_HOST.test(registry);
}

/** The audience that registries take in every cloud, also where ARM tokens are switched off. */
export const ACR_SCOPE = 'https://containerregistry.azure.net/.default';

/** Sign-in hosts of the sovereign clouds; the public cloud's is the library's own default. */
const AUTHORITY: Readonly<Record<string, string>> = {
  cn: 'https://login.chinacloudapi.cn',
  us: 'https://login.microsoftonline.us',
};

/** The identity that pulls from a registry, at the sign-in host of the registry's cloud. */
export function defaultEntraCredential(
  registry: string,
  clientId: string | undefined,
): Promise<EntraCredential> {
  const authorityHost = AUTHORITY[ACR_HOST.exec(registry)?.[1] ?? ''];
  return openCredential(
    clientId === undefined ? {} : { clientId },
    process.env.AZURE_AUTHORITY_HOST === undefined ? authorityHost : undefined,
  );
}

/**
 * Exchanges this app's identity for a refresh token of one registry, at the registry's own address: the
 * realm of a challenge has no say in where an Entra token goes.
 */
export async function exchangeForRefreshToken(
  transport: Transport,
  context: RetryContext,
  credential: EntraCredential,
  subject: AskSubject,
): Promise<Token> {
  const { registryUrl, image } = subject;
  const service = registryUrl.host;
  let entra: Awaited<ReturnType<EntraCredential['getToken']>>;
  try {
    entra = await credential.getToken(ACR_SCOPE);
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'TimeoutError')
      throw new CacheError(
        'registry_unavailable',
        `The identity endpoint did not answer in time, getting a token of ${service} for ${image}. Try again.`,
        { cause },
      );
    throw noIdentity(image, service, cause);
  }
  if (entra === null) throw noIdentity(image, service, undefined);
  const fields = { grant_type: 'access_token', service, access_token: entra.token };
  const url = new URL('/oauth2/exchange', registryUrl);
  const { refresh_token: value } = await postForToken(transport, context, url, fields, subject);
  if (!isTokenText(value)) {
    throw new CacheError(
      'registry_unavailable',
      `${service} exchanged this app's identity for nothing, getting a token for ${image}. Ask the registry's operator.`,
      {
        retryable: false,
      },
    );
  }
  return { value, lifetimeMs: (jwtLifetimeSeconds(value) ?? REFRESH_TOKEN_SECONDS) * 1000 };
}

function noIdentity(image: string, service: string, cause: unknown): CacheError {
  return new CacheError(
    'registry_denied',
    `${service} gives ${image} only to identities it knows, and this app has none to show. Give it a managed identity with the AcrPull role (ACR_IDENTITY_CLIENT_ID names a user-assigned one), or credentials for the host in DOCKER_AUTH_CONFIG.`,
    { cause },
  );
}
