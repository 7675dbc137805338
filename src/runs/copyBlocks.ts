import { randomBytes } from 'node:crypto';
import { type Block, cutBlocks, type Section } from '../archive/blocks.ts';
import { type LayerExtent, type Layout, planLayout } from '../archive/layout.ts';
import { CacheError } from '../errors.ts';
import type { Descriptor } from '../image/manifest.ts';
import { parsePlatform } from '../image/platform.ts';
import { canonicalReference, type ImageReference, parseReference } from '../image/reference.ts';
import { stageBlock } from '../store/archive/staging.ts';
import { fetchImage } from './fetchImage.ts';
import type { CacheContext } from '../context.ts';
import { copyLayer } from './copyLayer.ts';
import { eachInParallel } from './eachInParallel.ts';
import { type LayerHash, segmentHash, wholeLayerHash } from './layerHash.ts';
import type { CopiedSegment, CopyInput } from './messages.ts';

/** Layers of one segment that are copied at the same time. */
const PARALLEL_LAYERS = 4;

/**
 * Second activity of a run: copies one segment of the archive, block after block, straight from the registry into
 * staged blocks. Holds a bounded number of blocks in memory and nothing on disk. A layer that ends in the segment
 * is proven, by size and digest; one that goes on leaves the state of its hash.
 * @throws {CacheError} digest_mismatch where a layer is not what its manifest says; what was staged of it stays out
 */
export async function copyBlocks(context: CacheContext, input: CopyInput): Promise<CopiedSegment> {
  const { plan, run, from, to } = input;
  const ref = { ...parseReference(plan.image), digest: plan.manifestDigest };
  const image = await fetchImage(context, ref, parsePlatform(plan.platform));
  const layout = planLayout(image);
  const sections = cutBlocks(layout, plan.blockBytes);
  const attempt = randomBytes(4).toString('hex');
  const abort = new AbortController();
  const stage = (index: number, bytes: Uint8Array): Promise<void> =>
    stageBlock(context.storage, plan.blob, { index, run, attempt }, bytes, abort.signal);

  let hashState: string | undefined;
  await eachInParallel(partsOf(sections, from, to), PARALLEL_LAYERS, async ({ section, blocks }) => {
    try {
      if (section.layer === undefined) {
        for (const block of blocks) await stage(block.index, ownBytes(layout, block));
        return;
      }
      const hash = await hashFor(section.layer, blocks.length === section.blocks.length, input.hashState);
      const { registry } = context;
      await copyLayer({ registry, ref, layer: section.layer, blocks, hash, stage, signal: abort.signal });
      if (blocks.at(-1) === section.blocks.at(-1)) proveLayer(section.layer, image.layers, hash, ref);
      else hashState = hash.save();
    } catch (error) {
      // The segment is lost: whatever else is under way in it is work for nothing.
      abort.abort(error);
      throw error;
    }
  });
  return { from, to, attempt, ...(hashState !== undefined && { hashState }) };
}

interface Part {
  readonly section: Section;
  /** Those of the section's blocks that lie in the segment. */
  readonly blocks: readonly Block[];
}

function partsOf(sections: readonly Section[], from: number, to: number): Part[] {
  return sections
    .map((section) => ({
      section,
      blocks: section.blocks.filter(({ index }) => index >= from && index < to),
    }))
    .filter(({ blocks }) => blocks.length > 0);
}

/** The bytes of a block that comes from no layer: the archive's head or its end marker. */
function ownBytes(layout: Layout, block: Block): Uint8Array {
  return block.start < layout.head.length
    ? layout.head.subarray(block.start, block.end)
    : new Uint8Array(block.end - block.start);
}

function hashFor({ descriptor }: LayerExtent, whole: boolean, state: string | undefined): Promise<LayerHash> {
  return whole ? Promise.resolve(wholeLayerHash(descriptor.digest)) : segmentHash(descriptor.digest, state);
}

function proveLayer(
  layer: LayerExtent,
  all: readonly Descriptor[],
  hash: LayerHash,
  ref: ImageReference,
): void {
  const { digest, size } = layer.descriptor;
  if (hash.matches(digest)) return;
  // As the manifest counts them: the archive has a layer that occurs twice only once.
  const number = all.findIndex((descriptor) => descriptor.digest === digest) + 1;
  throw new CacheError(
    'digest_mismatch',
    `Layer ${number} of ${all.length} of ${canonicalReference(ref)} is corrupt: the ${size} bytes that the registry sends for ${digest} have another digest. Push the image again; nothing was cached.`,
  );
}
