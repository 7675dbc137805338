import { randomBytes } from 'node:crypto';
import { cutBlocks, type LayerBlocks } from '../archive/blocks.ts';
import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/manifest.ts';
import { canonicalReference } from '../image/reference.ts';
import { stageBlock } from '../store/archive/staging.ts';
import type { BlockMemory } from './blockMemory.ts';
import { copyLayer } from './copyLayer.ts';
import { eachInParallel } from './eachInParallel.ts';
import { type LayerHash, segmentHash, wholeLayerHash } from './layerHash.ts';
import type { CopiedSegment, CopyInput } from './messages.ts';
import { openPlan, type RunPlan } from './runPlan.ts';

/** Layers of one segment that are copied at the same time. */
const PARALLEL_LAYERS = 4;

/** What copying works with. */
export interface CopyContext extends CacheContext {
  /** Of all blocks in flight in this process, whatever runs in it. */
  readonly blockMemory: BlockMemory;
}

/**
 * Second activity of a run: copies one segment of the archive, block after block, straight from the registry into
 * staged blocks. Holds a bounded number of blocks in memory and nothing on disk. A layer that ends in the segment
 * is proven, by size and digest; one that goes on leaves the state of its hash.
 * @throws {CacheError} digest_mismatch where a layer is not what its manifest says; what was staged of it stays out
 */
export async function copyBlocks(context: CopyContext, input: CopyInput): Promise<CopiedSegment> {
  const { planned, from, to } = input;
  const { blob, run, blockBytes } = planned;
  const plan = await openPlan(context, planned);
  const attempt = randomBytes(4).toString('hex');
  const abort = new AbortController();

  let hashState: string | undefined;
  const layers = layersWithin(cutBlocks(plan.geometry, blockBytes).layers, from, to);
  await eachInParallel(layers, PARALLEL_LAYERS, async ({ layer, blocks, isWhole, isLast }) => {
    const { digest } = layer.descriptor;
    try {
      const hash = await hashFor(digest, isWhole, input.hashState);
      await copyLayer({
        registry: context.registry,
        memory: context.blockMemory,
        ref: plan.source,
        layer,
        blocks,
        hash,
        stage: (index, bytes) =>
          stageBlock(context.storage, blob, { index, run, attempt }, bytes, abort.signal),
        signal: abort.signal,
      });
      if (isLast) proveLayer(plan, layer.descriptor, hash);
      else hashState = hash.save();
    } catch (error) {
      // The segment is lost: whatever else is under way in it is work for nothing.
      abort.abort(error);
      throw error;
    }
  });
  return { from, to, attempt, ...(hashState !== undefined && { hashState }) };
}

/** Those of a layer's blocks that lie in a segment. */
interface LayerStretch extends LayerBlocks {
  /** All of them do. */
  readonly isWhole: boolean;
  /** The last one does: the layer ends here. */
  readonly isLast: boolean;
}

function layersWithin(layers: readonly LayerBlocks[], from: number, to: number): LayerStretch[] {
  return layers
    .map(({ layer, blocks: all }) => {
      const blocks = all.filter(({ index }) => index >= from && index < to);
      return { layer, blocks, isWhole: blocks.length === all.length, isLast: blocks.at(-1) === all.at(-1) };
    })
    .filter(({ blocks }) => blocks.length > 0);
}

function hashFor(digest: Digest, isWhole: boolean, state: string | undefined): Promise<LayerHash> {
  return isWhole ? Promise.resolve(wholeLayerHash(digest)) : segmentHash(digest, state);
}

function proveLayer({ layers, source }: RunPlan, { digest, size }: Descriptor, hash: LayerHash): void {
  if (hash.matches(digest)) return;
  // As the manifest counts them: the archive has a layer that occurs twice only once.
  const number = layers.findIndex((layer) => layer.digest === digest) + 1;
  throw new CacheError(
    'digest_mismatch',
    `Layer ${number} of ${layers.length} of ${canonicalReference(source)} is corrupt: the ${size} bytes that the registry sends for ${digest} have another digest. Push the image again; nothing was cached.`,
  );
}
