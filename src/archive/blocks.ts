import type { LayerExtent, Layout } from './layout.ts';
import { TAR_END_BYTES } from './tarHeader.ts';

/**
 * An archive is written as a block blob. Limits:
 * https://learn.microsoft.com/azure/storage/blobs/scalability-targets#scale-targets-for-blob-storage
 */
export const MAX_BLOCKS = 50_000;
const MAX_BLOCK_BYTES = 4000 * 1024 * 1024;
const MiB = 1024 * 1024;
/** Small enough that a few dozen fit in memory, large enough that requests do not dominate. */
export const BLOCK_BYTES = 8 * MiB;

/** A slice [start, end) of the archive, in bytes. A block never spans two sections. */
export interface Block {
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

/** A stretch of the archive that is one thing: the head, one layer with header and padding, or the end marker. */
export interface Section {
  readonly layer: LayerExtent | undefined;
  readonly blocks: readonly Block[];
}

/**
 * Cuts an archive into blocks, at section boundaries, so that a layer's blocks hold that layer alone.
 * Blocks double until the archive stays under 50,000 of them.
 */
export function cutBlocks(layout: Layout, blockBytes = BLOCK_BYTES): Section[] {
  let size = blockBytes;
  while (countBlocks(layout, size) > MAX_BLOCKS && size * 2 <= MAX_BLOCK_BYTES) size *= 2;
  let index = 0;
  return sectionBounds(layout).map(({ layer, start, end }) => {
    const blocks: Block[] = [];
    for (let from = start; from < end; from += size) {
      blocks.push({ index: index++, start: from, end: Math.min(from + size, end) });
    }
    return { layer, blocks };
  });
}

function countBlocks(layout: Layout, size: number): number {
  return sectionBounds(layout).reduce((total, { start, end }) => total + Math.ceil((end - start) / size), 0);
}

function sectionBounds(layout: Layout): { layer?: LayerExtent; start: number; end: number }[] {
  return [
    { start: 0, end: layout.head.length },
    ...layout.layers.map((layer) => ({ layer, start: layer.start, end: layer.end })),
    { start: layout.size - TAR_END_BYTES, end: layout.size },
  ];
}
