import { type OpenArchive, openHead } from '../archive/openHead.ts';
import { parseReference } from '../image/reference.ts';
import { readHeadBytes } from '../store/archive/archiveBytes.ts';
import type { CachedImage } from '../store/archive/archives.ts';
import type { Storage } from '../store/storage.ts';

/**
 * Reads an archive's documents from its first bytes, so that no hint and no registry is needed. Undefined where it is
 * gone, or was written by other rules than this version's.
 */
export async function openArchive(storage: Storage, cached: CachedImage): Promise<OpenArchive | undefined> {
  const { blob, size, manifestDigest, imageId } = cached;
  const name = parseReference(cached.image);
  for await (const bytes of readHeadBytes(storage, blob, size)) {
    const opened = openHead(bytes, size, name, manifestDigest, imageId);
    if (opened !== undefined) return opened;
  }
  return undefined;
}
