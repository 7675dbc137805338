import { hasStatus, type Storage, storing } from '../storage.ts';
import type { FoundBlob } from './repairArchive.ts';

/**
 * Writes what was found out about a blob, if that is as it was seen. Where somebody else writes at the same time, or
 * nobody may, it is as well known without.
 * @param found with the ETag that was seen, and the whole metadata
 * @returns the same, with the ETag that it has now
 */
export async function writeMetadata<T extends Pick<FoundBlob, 'etag' | 'metadata'>>(
  storage: Storage,
  blob: string,
  found: T,
): Promise<T> {
  return storing('writing what an archive holds into its metadata', async () => {
    try {
      const { etag = '' } = await storage.images
        .getBlobClient(blob)
        .setMetadata({ ...found.metadata }, { conditions: { ifMatch: found.etag } });
      return { ...found, etag };
    } catch (error) {
      if (hasStatus(error, 400, 403, 404, 409, 412)) return found;
      throw error;
    }
  });
}
