import type { Block } from '../archive/blocks.ts';
import type { LayerExtent } from '../archive/layout.ts';
import type { ImageReference } from '../image/reference.ts';
import type { BlobReader, BytesPulled } from '../registry/blob/blobReader.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { BlockMemory, OpenBlock } from './blockMemory.ts';
import { eachInParallel } from './eachInParallel.ts';
import { fillBlock, layerOffset } from './fillBlock.ts';
import type { LayerHash } from './layerHash.ts';

/** Blocks of one layer in flight at the same time, where they are fetched side by side. */
const PARALLEL_BLOCKS = 4;
/** Where they come in one stream: one is read while the other is staged. More would keep other streams waiting. */
const STREAMED_BLOCKS = 2;

export interface LayerCopy {
  readonly registry: RegistryClient;
  readonly memory: BlockMemory;
  /** Of the memory: the run. */
  readonly owner: string;
  readonly ref: ImageReference;
  readonly layer: LayerExtent;
  /** Consecutive blocks of the layer. */
  readonly blocks: readonly Block[];
  /**
   * The hash to go on with, asked for once, when the first block is there.
   * @param blocksAtOnce blocks that are fetched side by side
   */
  readonly hash: (blocksAtOnce: number) => Promise<LayerHash>;
  readonly stage: (index: number, pieces: readonly Uint8Array[]) => Promise<void>;
  /** Whether another block may be started after the first. */
  readonly goesOn: (hash: LayerHash | undefined) => boolean;
  readonly signal: AbortSignal;
}

/** How far it came. */
export interface LayerProgress {
  /** Leading blocks that are hashed and staged. */
  readonly done: number;
  /** After the last block that was hashed, which is the layer's last one where all are done. */
  readonly hash: LayerHash | undefined;
  /** Of the hash after the leading blocks; undefined where it cannot be carried on elsewhere. */
  readonly hashState: string | undefined;
  readonly pulled: BytesPulled | undefined;
  /** What ended it before its time. */
  readonly failure?: unknown;
}

/**
 * Pulls the layer's bytes for these blocks and stages each block as it fills. Where the registry sent us on to a
 * storage that takes ranges, blocks are fetched side by side; else one stream is read in order. Either way the hash
 * sees the bytes in order, and a block is staged after it was hashed: so what failed has staged nothing behind it
 * but where storage was what failed.
 */
export async function copyLayer(copy: LayerCopy): Promise<LayerProgress> {
  const { memory, layer, blocks, stage, signal } = copy;
  const [first, last] = [blocks[0], blocks.at(-1)];
  const staged = new Set<Block>();
  const states = new Map<Block | undefined, string | undefined>();
  let hash: LayerHash | undefined;
  let failure: unknown;
  let reader: BlobReader | undefined;
  try {
    if (first !== undefined && last !== undefined) {
      const range = { start: layerOffset(layer, first.start), end: layerOffset(layer, last.end) };
      if (range.start !== range.end)
        reader = await copy.registry.openBlob(copy.ref, layer.descriptor, range, signal);
    }
    const parallel = reader?.parallel ?? false;
    const width = parallel ? PARALLEL_BLOCKS : STREAMED_BLOCKS;
    /** Whether all blocks before were hashed. */
    let turn = Promise.resolve(true);
    const chain = {};
    // Once one is left out, so are all after it.
    let stopped = false;
    const stops = (block: Block): boolean => block !== first && (stopped ||= !copy.goesOn(hash));
    const hashInOrder = async (block: Block, open: OpenBlock): Promise<void> => {
      hash ??= await copy.hash(parallel ? width : 1);
      const within = (position: number): number => position - block.start;
      for (const bytes of open.bytes(within(Math.max(layer.dataStart, block.start)), within(layer.dataEnd)))
        hash.update(bytes);
      states.set(block, hash.save());
    };
    await eachInParallel(blocks, width, async (block) => {
      if (stops(block)) return;
      const before = turn;
      const { promise, resolve: pass } = Promise.withResolvers<boolean>();
      turn = promise;
      const open = memory.open(copy.owner, chain, block.end - block.start);
      try {
        if (!parallel && (!(await before) || stops(block))) return;
        await fillBlock(open, block, layer, reader, signal);
        if (!(await before)) return;
        await hashInOrder(block, open);
        pass(true);
        await stage(block.index, open.bytes());
        staged.add(block);
      } finally {
        pass(false);
        open.close();
      }
    });
  } catch (error) {
    failure = error;
  } finally {
    reader?.close();
  }
  const pending = blocks.findIndex((block) => !staged.has(block));
  const done = pending === -1 ? blocks.length : pending;
  const hashState = states.get(blocks[done - 1]);
  return { done, hash, hashState, pulled: reader?.pulled, ...(failure !== undefined && { failure }) };
}
