import type { Block } from '../archive/blocks.ts';
import type { LayerExtent } from '../archive/layout.ts';
import type { ImageReference } from '../image/reference.ts';
import type { BlobReader } from '../registry/blob/blobReader.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { BlockMemory } from './blockMemory.ts';
import { eachInParallel } from './eachInParallel.ts';
import type { LayerHash } from './layerHash.ts';

/** Blocks of one layer in flight at the same time, where they are fetched side by side. */
const PARALLEL_BLOCKS = 4;
/** Where they come in one stream: one is read while the other is staged. More would keep other streams waiting. */
const STREAMED_BLOCKS = 2;

export interface LayerCopy {
  readonly registry: RegistryClient;
  readonly memory: BlockMemory;
  readonly ref: ImageReference;
  readonly layer: LayerExtent;
  /** Consecutive blocks of the layer. */
  readonly blocks: readonly Block[];
  readonly hash: LayerHash;
  readonly stage: (index: number, bytes: Uint8Array) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Pulls the layer's bytes for these blocks and stages each block as it fills. Where the registry sent us on to a
 * storage that takes ranges, blocks are fetched side by side; else one stream is read in order. Either way the hash
 * sees the bytes in order, and a block is in memory from its first byte until it is staged.
 */
export async function copyLayer(copy: LayerCopy): Promise<void> {
  const { memory, layer, blocks, hash, stage, signal } = copy;
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (first === undefined || last === undefined) return;
  const range = { start: layerOffset(layer, first.start), end: layerOffset(layer, last.end) };
  const reader =
    range.start === range.end
      ? undefined
      : await copy.registry.openBlob(copy.ref, layer.descriptor, range, signal);
  let turn: Promise<unknown> = Promise.resolve();
  try {
    const parallel = reader?.parallel ?? false;
    await eachInParallel(blocks, parallel ? PARALLEL_BLOCKS : STREAMED_BLOCKS, async (block) => {
      const before = turn;
      const { promise, resolve: pass } = Promise.withResolvers<undefined>();
      turn = promise;
      const bytes = await memory.acquire(block.end - block.start);
      try {
        if (!parallel) await before;
        const data = await fillBlock(bytes, block, layer, reader, signal);
        if (parallel) await before;
        hash.update(data);
        pass(undefined);
        await stage(block.index, bytes);
      } finally {
        pass(undefined);
        memory.release(bytes);
      }
    });
  } finally {
    reader?.close();
  }
}

/** Writes one block: the layer's tar header, bytes and padding, as far as they lie in it. Gives the layer's bytes. */
async function fillBlock(
  bytes: Buffer,
  block: Block,
  layer: LayerExtent,
  reader: BlobReader | undefined,
  signal: AbortSignal,
): Promise<Buffer> {
  const within = (position: number): number => Math.min(Math.max(position - block.start, 0), bytes.length);
  const [dataFrom, dataTo] = [within(layer.dataStart), within(layer.dataEnd)];
  if (block.start < layer.dataStart) {
    bytes.set(layer.header.subarray(block.start - layer.start, block.end - layer.start));
  }
  bytes.fill(0, dataTo);
  let at = dataFrom;
  if (reader !== undefined && dataTo > dataFrom) {
    const start = layerOffset(layer, block.start);
    for await (const chunk of reader.read(start, start + dataTo - dataFrom)) {
      signal.throwIfAborted();
      bytes.set(chunk, at);
      at += chunk.length;
    }
  }
  if (at !== dataTo)
    throw new Error(`The reader gave ${at - dataFrom} bytes for a block of ${dataTo - dataFrom}.`);
  return bytes.subarray(dataFrom, dataTo);
}

/** A place in the archive as an offset into the layer's own bytes. */
function layerOffset(layer: LayerExtent, position: number): number {
  return Math.min(Math.max(position - layer.dataStart, 0), layer.descriptor.size);
}
