import type { Digest } from '../image/digest.ts';
import type { Geometry } from './layout.ts';
import { TAR_END_BYTES } from './tarHeader.ts';

/** A stretch of the archive in bytes, `end` included, as HTTP's Range has it. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * How many of an image's layers, from the bottom, are on a node: a layer counts only on top of the same layers as in
 * the image, since a store knows it by its whole chain.
 * @param diffIds the image's `rootfs.diff_ids`, bottom first
 * @param held the `RootFS.Layers` of each image on the node, bottom first
 * https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
 */
export function heldLayers(diffIds: readonly string[], held: readonly (readonly string[])[]): number {
  return Math.max(
    0,
    ...held.map((layers) => {
      const differs = diffIds.findIndex((diffId, index) => layers[index] !== diffId);
      return differs === -1 ? diffIds.length : differs;
    }),
  );
}

/**
 * The ranges which, put together, are the archive without its lowest `leftOut` layers; `docker load` takes those from
 * its own store. Neighbours are merged.
 * @param layers the manifest's layers, bottom first; one that is needed further up as well stays
 */
export function rangesWithout(archive: Geometry, layers: readonly Digest[], leftOut: number): ByteRange[] {
  const needed = new Set(layers.slice(leftOut));
  const ranges: ByteRange[] = [];
  const add = (start: number, end: number): void => {
    const last = ranges.at(-1);
    if (last !== undefined && last.end + 1 === start) ranges[ranges.length - 1] = { start: last.start, end };
    else ranges.push({ start, end });
  };
  add(0, archive.headSize - 1);
  for (const { descriptor, start, end } of archive.layers) {
    if (needed.has(descriptor.digest)) add(start, end - 1);
  }
  add(archive.size - TAR_END_BYTES, archive.size - 1);
  return ranges;
}
