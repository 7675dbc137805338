import type { TokenCredential } from '@azure/identity';

/** Whose identity the app shows: a user-assigned one that is named in one of two ways, else its own. */
export interface IdentitySetting {
  readonly clientId?: string;
  /** Of the identity, in Azure Resource Manager. */
  readonly resourceId?: string;
}

/** What asks for one token at a time waits for it, and the SDK's own requests to an identity endpoint never time out. */
const TOKEN_TIMEOUT_MS = 30_000;

/**
 * A credential of Microsoft Entra: the managed identity where the platform offers one, and nothing else there, since
 * whatever else could be tried would only hide why that one failed. Elsewhere, and where AZURE_TOKEN_CREDENTIALS says
 * so, it is whoever this runs as: workload identity, or Azure CLI's user on a developer's machine.
 * The library is loaded here and not before, since that takes half a second of a cold start.
 * https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 * @param authorityHost where tokens come from in a sovereign cloud; the library's own default is the public one
 * @param timeoutMs until `getToken` gives up, with a TimeoutError
 */
export async function openCredential(
  { clientId, resourceId }: IdentitySetting,
  authorityHost?: string,
  timeoutMs = TOKEN_TIMEOUT_MS,
): Promise<TokenCredential> {
  const { DefaultAzureCredential, ManagedIdentityCredential } = await import('@azure/identity');
  const { IDENTITY_ENDPOINT, AZURE_TOKEN_CREDENTIALS, AZURE_CLIENT_ID } = process.env;
  const authority = authorityHost === undefined ? {} : { authorityHost };
  const isManaged = Boolean(IDENTITY_ENDPOINT) && !AZURE_TOKEN_CREDENTIALS;
  let credential: TokenCredential;
  if (resourceId !== undefined)
    credential = isManaged
      ? new ManagedIdentityCredential({ resourceId })
      : new DefaultAzureCredential({ managedIdentityResourceId: resourceId, ...authority });
  else {
    // As DefaultAzureCredential has it.
    const id = clientId ?? (AZURE_CLIENT_ID === '' ? undefined : AZURE_CLIENT_ID);
    credential = isManaged
      ? new ManagedIdentityCredential(id === undefined ? {} : { clientId: id })
      : new DefaultAzureCredential({
          ...(id !== undefined && { managedIdentityClientId: id }),
          ...authority,
        });
  }
  return { getToken: (scopes, options) => within(timeoutMs, credential.getToken(scopes, options)) };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DOMException(`No token after ${ms} ms.`, 'TimeoutError')), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
