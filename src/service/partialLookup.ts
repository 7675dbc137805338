import { type ByteRange, heldLayers, rangesWithout } from '../archive/ranges.ts';
import { openArchive } from '../catalog/openArchive.ts';
import type { CacheContext } from '../context.ts';
import type { Digest } from '../image/digest.ts';
import type { CachedImage } from '../store/archive/archives.ts';

/** What of an archive a node has to fetch that holds some of its layers. */
export interface PartialArchive {
  /** Put together, the archive without the layers that the node holds. */
  readonly ranges: readonly ByteRange[];
  readonly layers: number;
  /** How many of them, from the bottom, the ranges leave out. */
  readonly layersHeld: number;
}

/**
 * Undefined where the archive's layers cannot be told apart: the whole archive is always right.
 * @param held the diff ids of each image on the node, bottom first
 */
export async function partialLookup(
  { storage }: CacheContext,
  cached: CachedImage,
  held: readonly (readonly Digest[])[],
): Promise<PartialArchive | undefined> {
  const archive = await openArchive(storage, cached);
  if (archive === undefined) return undefined;
  const { diffIds, layers } = archive.image;
  const layersHeld = heldLayers(diffIds, held);
  const digests = layers.map(({ digest }) => digest);
  return { ranges: rangesWithout(archive.layout, digests, layersHeld), layers: layers.length, layersHeld };
}
