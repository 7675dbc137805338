import { CacheError } from '../errors.ts';
import type { ImageIndex, IndexEntry } from './manifest.ts';
import { INDEX_TYPES } from './mediaTypes.ts';
import { formatPlatform, type Platform, platformScore } from './platform.ts';
import { printable } from './printable.ts';

/**
 * The entry of an index that runs on a platform: the most specific one, the first among equals.
 * Attestations (build provenance, SBOM) are never chosen. An entry without a platform is taken only
 * where it is the only one left, or the first index where indexes are nested.
 * @throws {CacheError} unsupported_image, listing what the image has
 */
export function chooseEntry(index: ImageIndex, platform: Platform, name: string): IndexEntry {
  const runnable = index.manifests.filter((entry) => !entry.isAttestation);
  let best: IndexEntry | undefined;
  let bestScore = 0;
  for (const entry of runnable) {
    const score = entry.platform === undefined ? 0 : platformScore(platform, entry.platform);
    if (score > bestScore) [best, bestScore] = [entry, score];
  }
  const only = runnable.length === 1 ? runnable[0] : undefined;
  if (best === undefined && only?.platform === undefined) best = only;
  // An index in an index names no platform: it has several.
  best ??= runnable.find(
    ({ platform: named, mediaType }) => named === undefined && INDEX_TYPES.has(mediaType),
  );
  if (best !== undefined) return best;
  const offered = [
    ...new Set(runnable.map((entry) => (entry.platform ? formatPlatform(entry.platform) : 'unnamed'))),
  ];
  throw new CacheError(
    'unsupported_image',
    offered.length === 0
      ? `${name} cannot be cached: its index lists no image.`
      : `${name} has no image for ${formatPlatform(platform)}. It has: ${printable(offered.join(', '), 500)}.`,
  );
}
