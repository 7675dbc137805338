import type { CacheContext } from '../context.ts';
import { allArchives, type CachedImage, deleteArchive, isoSeconds } from '../store/archive/archives.ts';

const DAY_MS = 24 * 3600 * 1000;

export interface PruneReport {
  readonly kept: number;
  readonly deleted: readonly Pick<CachedImage, 'blob' | 'size' | 'lastUsed'>[];
}

/**
 * Deletes archives that nobody used for PRUNE_AFTER_DAYS. Each delete is conditional on the blob as it was listed,
 * so an image that a node uses at this very moment stays.
 */
export async function pruneImages({ config, storage }: CacheContext, now = new Date()): Promise<PruneReport> {
  const oldest = isoSeconds(new Date(now.getTime() - config.pruneAfterDays * DAY_MS));
  const deleted: CachedImage[] = [];
  let kept = 0;
  for await (const image of allArchives(storage)) {
    if (image.lastUsed < oldest && (await deleteArchive(storage, image))) deleted.push(image);
    else kept += 1;
  }
  return { kept, deleted: deleted.map(({ blob, size, lastUsed }) => ({ blob, size, lastUsed })) };
}
