import { heldLayers, rangesWithout } from '../archive/ranges.ts';
import type { Digest } from '../image/digest.ts';
import { readArchive } from '../store/archives.ts';
import type { CacheContext } from './context.ts';
import type { LookupView } from './lookup.ts';
import { openArchive } from './openArchive.ts';

/** A lookup's image for a node that has some of its layers. */
export interface PartialView extends LookupView {
  /** `start-end` in bytes, end included: put together, the archive without the layers that the node holds. */
  readonly ranges?: readonly string[];
  /** Of all ranges. */
  readonly rangesSize?: number;
  readonly layers?: number;
  /** How many of them, from the bottom, the ranges leave out. */
  readonly layersHeld?: number;
}

/**
 * Adds to a lookup's answer what of the archive the node has to fetch.
 * @param held the diff ids of each image on the node, bottom first
 */
export async function partialLookup(
  { storage }: CacheContext,
  view: LookupView,
  held: readonly (readonly Digest[])[],
): Promise<PartialView> {
  if (view.state !== 'ready' || view.blob === undefined) return view;
  const cached = await readArchive(storage, view.blob);
  const archive = cached === undefined ? undefined : await openArchive(storage, cached);
  // The whole archive is always right.
  if (archive === undefined) return view;
  const { image, diffIds, layout } = archive;
  const layersHeld = heldLayers(diffIds, held);
  const digests = image.layers.map(({ digest }) => digest);
  const ranges = rangesWithout(layout, digests, layersHeld);
  return {
    ...view,
    ranges: ranges.map(({ start, end }) => `${start}-${end}`),
    rangesSize: ranges.reduce((total, { start, end }) => total + end - start + 1, 0),
    layers: digests.length,
    layersHeld,
  };
}
