import type { Geometry, LayerExtent } from './layout.ts';
import { TAR_END_BYTES } from './tarHeader.ts';

/**
 * An archive is written as a block blob. Limits:
 * https://learn.microsoft.com/azure/storage/blobs/scalability-targets#scale-targets-for-blob-storage
 */
export const MAX_BLOCKS = 50_000;
const MAX_BLOCK_BYTES = 4000 * 1024 * 1024;
const MiB = 1024 * 1024;
/** Small enough that a dozen fit in memory, large enough that requests do not dominate. */
export const BLOCK_BYTES = 8 * MiB;

/** A slice [start, end) of the archive, in bytes. A block holds nothing but the head, one layer, or the end marker. */
export interface Block {
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

/** One layer's blocks: its header, bytes and padding. */
export interface LayerBlocks {
  readonly layer: LayerExtent;
  readonly blocks: readonly Block[];
}

/** All blocks of an archive; numbered through from the head to the end marker. */
export interface ArchiveBlocks {
  readonly head: readonly Block[];
  readonly layers: readonly LayerBlocks[];
  readonly end: readonly Block[];
}

/**
 * Cuts an archive into blocks, at layers' boundaries, so that a layer's blocks hold that layer alone.
 * Blocks double until the archive stays under 50,000 of them.
 */
export function cutBlocks(archive: Geometry, blockBytes = BLOCK_BYTES): ArchiveBlocks {
  let size = blockBytes;
  while (countBlocks(archive, size) > MAX_BLOCKS && size * 2 <= MAX_BLOCK_BYTES) size *= 2;
  let index = 0;
  const cut = (start: number, end: number): Block[] => {
    const blocks: Block[] = [];
    for (let from = start; from < end; from += size) {
      blocks.push({ index: index++, start: from, end: Math.min(from + size, end) });
    }
    return blocks;
  };
  return {
    head: cut(0, archive.headSize),
    layers: archive.layers.map((layer) => ({ layer, blocks: cut(layer.start, layer.end) })),
    end: cut(archive.size - TAR_END_BYTES, archive.size),
  };
}

function countBlocks({ headSize, layers }: Geometry, size: number): number {
  return [headSize, ...layers.map(({ start, end }) => end - start), TAR_END_BYTES].reduce(
    (total, bytes) => total + Math.ceil(bytes / size),
    0,
  );
}
