import { isoSeconds } from '../store/archive/archiveMetadata.ts';
import { type CachedImage, touchArchive } from '../store/archive/archives.ts';
import type { Storage } from '../store/storage.ts';

/**
 * Stamps `lastused` where the last stamp is old enough. Undefined where the archive is gone.
 * @param resolutionSeconds a stamp younger than this stays as it is; 0 stamps every time
 */
export async function markUsed(
  storage: Storage,
  cached: CachedImage,
  resolutionSeconds: number,
  now: Date,
): Promise<CachedImage | undefined> {
  const due = isoSeconds(new Date(now.getTime() - resolutionSeconds * 1000));
  if (resolutionSeconds !== 0 && cached.lastUsed > due) return cached;
  return touchArchive(storage, cached, now);
}
