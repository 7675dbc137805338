import { isoSeconds } from '../store/archive/archiveMetadata.ts';
import type { CachedImage } from '../store/archive/archives.ts';
import { namesOf, type NamePattern } from '../image/namePattern.ts';
import { parseReference } from '../image/reference.ts';

/** Which images prune deletes: pure, so that what it would do can be shown before it does it. */

const DAY_MS = 24 * 3600 * 1000;
/** Clocks of nodes and storage differ from ours by less. */
const CLOCK_SKEW_SECONDS = 5 * 60;

/** The settings that say what goes. */
export interface PruneRules {
  readonly pruneAfterDays: number;
  readonly pruneKeep: readonly NamePattern[];
  /** Bytes of all archives; undefined where there is no limit. */
  readonly maxCacheBytes: number | undefined;
  readonly lastUsedResolutionSeconds: number;
  readonly lookupUrlMinutes: number;
}

/** What may become of an image: it stays, it is due, or it goes where there is no room for it. */
export type Standing = 'kept' | 'in use' | 'spare' | { readonly due: string };

/**
 * An image is due once it was not used for more than PRUNE_AFTER_DAYS, in whole seconds, as `lastused` is. As long as a
 * node may still be downloading it, it is in use: a URL lasts LOOKUP_URL_MINUTES, and the lookup that gave it may be
 * LASTUSED_RESOLUTION_SECONDS younger than the stamp.
 */
export function standingOf(image: CachedImage, rules: PruneRules, now: Date): Standing {
  if (isKept(image, rules.pruneKeep)) return 'kept';
  const { lastUsed } = image;
  if (lastUsed >= secondsAgo(now, usedForSeconds(rules))) return 'in use';
  const { pruneAfterDays } = rules;
  if (lastUsed >= isoSeconds(new Date(now.getTime() - pruneAfterDays * DAY_MS))) return 'spare';
  return { due: `Not used since ${lastUsed}: longer than the ${pruneAfterDays} days of PRUNE_AFTER_DAYS.` };
}

/** When prune deletes an image that nobody uses before: ISO 8601 in UTC, whole seconds. Undefined: never, by age. */
export function pruneAfter(image: CachedImage, rules: PruneRules): string | undefined {
  if (isKept(image, rules.pruneKeep)) return undefined;
  const unused = Math.max(rules.pruneAfterDays * DAY_MS, usedForSeconds(rules) * 1000);
  return isoSeconds(new Date(Date.parse(image.lastUsed) + unused));
}

/** Whether one of an image's names is meant: the tag that it was cached for, those that it names itself, its digests. */
function isKept(image: CachedImage, patterns: readonly NamePattern[]): boolean {
  if (patterns.length === 0) return false;
  const ref = parseReference(image.image);
  const { manifestDigest, indexDigest, imageId, adopted } = image;
  const tags = [...(ref.tag === undefined ? [] : [ref.tag]), ...(adopted?.tags ?? [])];
  const names = namesOf(ref, tags, [
    manifestDigest,
    imageId,
    ...(indexDigest === undefined ? [] : [indexDigest]),
  ]);
  return patterns.some(({ expression }) => names.some((name) => expression.test(name)));
}

/** How long after a stamp a download may go on. */
function usedForSeconds({ lastUsedResolutionSeconds, lookupUrlMinutes }: PruneRules): number {
  return lastUsedResolutionSeconds + lookupUrlMinutes * 60 + CLOCK_SKEW_SECONDS;
}

function secondsAgo(now: Date, seconds: number): string {
  return isoSeconds(new Date(now.getTime() - seconds * 1000));
}
