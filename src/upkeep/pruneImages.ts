import type { CacheContext } from '../context.ts';
import { allArchives, type CachedImage, deleteArchive, isoSeconds } from '../store/archive/archives.ts';
import { deleteRunPlansBefore } from '../store/archive/runPlans.ts';

const DAY_MS = 24 * 3600 * 1000;
/** Storage keeps staged blocks for a week; a plan is of no use without them. */
const PLAN_DAYS = 8;

export interface PruneReport {
  readonly kept: number;
  readonly deleted: readonly Pick<CachedImage, 'blob' | 'size' | 'lastUsed'>[];
}

/**
 * Deletes archives that nobody used for PRUNE_AFTER_DAYS, and what failed runs left behind. Each delete of an archive
 * is conditional on the blob as it was listed, so an image that a node uses at this very moment stays.
 */
export async function pruneImages({ config, storage }: CacheContext, now = new Date()): Promise<PruneReport> {
  const daysAgo = (days: number): Date => new Date(now.getTime() - days * DAY_MS);
  const oldest = isoSeconds(daysAgo(config.pruneAfterDays));
  const deleted: CachedImage[] = [];
  let kept = 0;
  for await (const image of allArchives(storage)) {
    if (image.lastUsed < oldest && (await deleteArchive(storage, image))) deleted.push(image);
    else kept += 1;
  }
  await deleteRunPlansBefore(storage, daysAgo(PLAN_DAYS));
  return { kept, deleted: deleted.map(({ blob, size, lastUsed }) => ({ blob, size, lastUsed })) };
}
