import { isoSeconds } from '../store/archive/archiveMetadata.ts';

/** Which images prune deletes: pure, so that what it would do can be shown before it does it. */

const DAY_MS = 24 * 3600 * 1000;

/** When prune deletes an image that nobody uses before: ISO 8601 in UTC, whole seconds. */
export function pruneAfter(lastUsed: string, pruneAfterDays: number): string {
  return isoSeconds(new Date(Date.parse(lastUsed) + pruneAfterDays * DAY_MS));
}

/**
 * Why an image is to be deleted, as a sentence; undefined where it is to be kept. An image is due once it was not used
 * for more than `pruneAfterDays`, counted in whole seconds, as `lastused` is.
 */
export function reasonToPrune(lastUsed: string, pruneAfterDays: number, now: Date): string | undefined {
  const oldest = isoSeconds(new Date(now.getTime() - pruneAfterDays * DAY_MS));
  if (lastUsed >= oldest) return undefined;
  return `Not used since ${lastUsed}: longer than the ${pruneAfterDays} days of PRUNE_AFTER_DAYS.`;
}
