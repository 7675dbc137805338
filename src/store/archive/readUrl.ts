import { BlobSASPermissions, generateBlobSASQueryParameters, SASProtocol } from '@azure/storage-blob';
import type { Storage } from '../storage.ts';
import { delegation } from './delegation.ts';

const MINUTE = 60_000;

/**
 * A URL with which anyone can read one archive, and do nothing else, until it expires. Signed with the account's
 * key where the app has it (Azurite), else with a user delegation key of its identity. It has no start, since storage
 * would judge that by its own clock.
 * https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
 * @returns `expires` as storage's clock has it, where that is known to be another than ours
 * @throws {CacheError} storage_unavailable
 */
export async function readUrl(
  storage: Storage,
  blob: string,
  minutes: number,
  now = new Date(),
): Promise<{ readonly url: string; readonly expires: Date }> {
  const client = storage.images.getBlobClient(blob);
  const end = new Date(now.getTime() + minutes * MINUTE);
  const values = {
    containerName: client.containerName,
    blobName: client.name,
    permissions: BlobSASPermissions.parse('r'),
    // Azurite is reached by plain http.
    protocol: client.url.startsWith('https:') ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
  };
  const signed = (sas: { toString(): string }, expires: Date) => ({
    url: `${client.url}?${sas.toString()}`,
    expires,
  });
  if (storage.sharedKey !== undefined) {
    const sas = generateBlobSASQueryParameters({ ...values, expiresOn: end }, storage.sharedKey);
    return signed(sas, end);
  }
  const { key, aheadMs } = await delegation(storage, end, now);
  const expires = new Date(end.getTime() + aheadMs);
  const sas = generateBlobSASQueryParameters({ ...values, expiresOn: expires }, key, client.accountName);
  return signed(sas, expires);
}
