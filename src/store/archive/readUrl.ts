import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  type UserDelegationKey,
} from '@azure/storage-blob';
import { type Storage, storing } from '../storage.ts';

const MINUTE = 60_000;
/** A node's clock may run behind ours: the URL is good from a little earlier. */
const CLOCK_SKEW = 5 * MINUTE;
/** How long one user delegation key signs URLs. Azure's limit is seven days. */
const DELEGATION_MINUTES = 24 * 60;
/** All lookups wait for one request for a key, and the SDK's own time-out does not end a connection that hangs. */
const KEY_TIMEOUT_MS = 30_000;

/**
 * A URL with which anyone can read one archive, and do nothing else, until it expires. Signed with the account's
 * key where the app has it (Azurite), else with a user delegation key of its managed identity.
 * https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
 */
export async function readUrl(
  storage: Storage,
  blob: string,
  minutes: number,
  now = new Date(),
): Promise<{ readonly url: string; readonly expires: Date }> {
  const client = storage.images.getBlobClient(blob);
  const expires = new Date(now.getTime() + minutes * MINUTE);
  const values = {
    containerName: client.containerName,
    blobName: client.name,
    permissions: BlobSASPermissions.parse('r'),
    startsOn: new Date(now.getTime() - CLOCK_SKEW),
    expiresOn: expires,
    // Azurite is reached by plain http.
    protocol: client.url.startsWith('https:') ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
  };
  const sas =
    storage.sharedKey === undefined
      ? generateBlobSASQueryParameters(values, await delegationKey(storage, expires, now), client.accountName)
      : generateBlobSASQueryParameters(values, storage.sharedKey);
  return { url: `${client.url}?${sas.toString()}`, expires };
}

/** One key for many URLs: asked for again when what is left of it does not cover a URL's life. */
function delegationKey(storage: Storage, until: Date, now: Date): Promise<UserDelegationKey> {
  const kept = storage.delegation;
  if (kept !== undefined && kept.expires >= until) return kept.key;
  const expires = new Date(Math.max(now.getTime() + DELEGATION_MINUTES * MINUTE, until.getTime()));
  const key = storing('getting a user delegation key', async () => {
    const abortSignal = AbortSignal.timeout(KEY_TIMEOUT_MS);
    try {
      const start = new Date(now.getTime() - CLOCK_SKEW);
      return await storage.service.getUserDelegationKey(start, expires, { abortSignal });
    } catch (error) {
      if (abortSignal.aborted) throw new Error('timed out', { cause: error });
      throw error;
    }
  });
  const delegation = { key, expires };
  storage.delegation = delegation;
  key.catch(() => {
    // Whoever waits for it hears of it; the next one asks anew.
    if (storage.delegation === delegation) delete storage.delegation;
  });
  return key;
}
