import type { CacheContext } from '../context.ts';
import { dayOf, deleteDaysBefore, KEPT_DAYS } from '../store/hints/statistics.ts';

const DAY_MS = 24 * 3600 * 1000;

/** Deletes the statistics of days that nobody can ask for any more. */
export async function sweepStatistics(
  { storage }: Pick<CacheContext, 'storage'>,
  now = new Date(),
): Promise<void> {
  await deleteDaysBefore(storage, dayOf(new Date(now.getTime() - KEPT_DAYS * DAY_MS)));
}
