import type { Geometry } from '../archive/layout.ts';
import { type ByteRange, heldLayers, rangesWithout } from '../archive/ranges.ts';
import { openArchive } from '../catalog/openArchive.ts';
import type { CacheContext } from '../context.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/manifest.ts';
import { type Compression, layerCompression } from '../image/mediaTypes.ts';
import type { CachedImage } from '../store/archive/archives.ts';

/** What of an archive a node has to fetch that holds some of its layers. */
export interface PartialArchive {
  /** Put together, the archive without the layers that the node holds. */
  readonly ranges: readonly ByteRange[];
  readonly layers: number;
  /** How many of them, from the bottom, the ranges leave out. */
  readonly layersHeld: number;
  /** Of the documents before the first layer, in bytes. */
  readonly headSize: number;
  /** Of all layers, bottom first. */
  readonly diffIds: readonly Digest[];
  /** The layers that are not left out, bottom first. */
  readonly missing: readonly MissingLayer[];
}

export interface MissingLayer {
  readonly digest: Digest;
  /** Of its content, without header and padding. */
  readonly range: ByteRange;
  readonly compression: Compression | undefined;
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
  const { image, layout } = archive;
  const { diffIds, layers } = image;
  const layersHeld = heldLayers(diffIds, held);
  const digests = layers.map(({ digest }) => digest);
  return {
    ranges: rangesWithout(layout, digests, layersHeld),
    layers: layers.length,
    layersHeld,
    headSize: layout.headSize,
    diffIds,
    missing: layers.slice(layersHeld).map((layer) => missingLayer(layout, layer)),
  };
}

function missingLayer({ layers }: Geometry, { digest, mediaType }: Descriptor): MissingLayer {
  const extent = layers.find(({ descriptor }) => descriptor.digest === digest);
  if (extent === undefined) throw new Error(`The layout lacks the layer ${digest}.`);
  const range = { start: extent.dataStart, end: extent.dataEnd - 1 };
  return { digest, range, compression: layerCompression(mediaType) };
}
