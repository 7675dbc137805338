import { CacheError } from '../errors.ts';
import type { ImageIndex, IndexEntry } from './manifest.ts';
import { INDEX_TYPES } from './mediaTypes.ts';
import { formatPlatform, type OfferedPlatform, type Platform, platformScore } from './platform.ts';
import { printable } from './printable.ts';

/**
 * The entries of an index that may run on a platform, the best first: the most specific ones, in their order among
 * equals; then those without a platform, of which an index in an index can hold several, and a manifest's own config
 * tells. Attestations (build provenance, SBOM) are none of them.
 * @throws {CacheError} unsupported_image, listing what the image has, where there is none
 */
export function entriesFor(
  index: ImageIndex,
  platform: Platform,
  name: string,
): readonly [IndexEntry, ...IndexEntry[]] {
  const rank = (entry: IndexEntry): number =>
    entry.platform !== undefined ? platformScore(platform, entry.platform) : unnamedRank(entry);
  const [best, ...others] = index.manifests
    .filter((entry) => !entry.isAttestation && rank(entry) > 0)
    .sort((one, other) => rank(other) - rank(one));
  if (best === undefined) throw nothingFor(index, platform, name);
  return [best, ...others];
}

/** Below every platform that fits; an index before what may be a signature. */
function unnamedRank({ mediaType }: IndexEntry): number {
  return INDEX_TYPES.has(mediaType) ? 0.2 : 0.1;
}

/** That an index has nothing which runs on the platform, and what it has. */
export function nothingFor(index: ImageIndex, platform: Platform, name: string): CacheError {
  const runnable = index.manifests.filter((entry) => !entry.isAttestation);
  const offered = [...new Set(runnable.map((entry) => describe(entry.platform)))];
  return new CacheError(
    'unsupported_image',
    offered.length === 0
      ? `${name} cannot be cached: its index lists no image.`
      : `${name} has no image for ${formatPlatform(platform)}. It has: ${printable(offered.join(', '), 500)}.`,
  );
}

function describe(platform: OfferedPlatform | undefined): string {
  if (platform === undefined) return 'unnamed';
  const { osFeatures } = platform;
  return `${formatPlatform(platform)}${osFeatures === undefined ? '' : ` with ${osFeatures.join(' and ')}`}`;
}
