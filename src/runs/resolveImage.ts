import { randomBytes } from 'node:crypto';
import { type ArchiveBlocks, BLOCK_BYTES, cutBlocks } from '../archive/blocks.ts';
import { type Layout, planLayout } from '../archive/layout.ts';
import { divideIntoStretches, TASK_BYTES } from '../archive/stretches.ts';
import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import { parsePlatform } from '../image/platform.ts';
import { canonicalReference, parseReference } from '../image/reference.ts';
import { findArchive, foreignBlob } from '../store/archive/archives.ts';
import { archiveName } from '../store/archive/archiveNames.ts';
import { stageBlock } from '../store/archive/staging.ts';
import { keepTag, writeManifestOf, writeTag } from '../store/hints/aliases.ts';
import { fetchImage } from './fetchImage.ts';
import type { PlannedRun, Resolved, ResolveInput } from './messages.ts';
import { keepPlan, makePlan } from './runPlan.ts';

/**
 * First activity of a run: pulls the image's documents, checks that it can be cached, lays its archive out, keeps
 * the plan for the other activities, and stages what comes from no layer. Nothing of a layer is pulled yet.
 * @param limits bytes of a block, and of small layers that are copied together; tests make them small
 */
export async function resolveImage(
  context: CacheContext,
  input: ResolveInput,
  limits = { blockBytes: BLOCK_BYTES, taskBytes: TASK_BYTES },
): Promise<Resolved> {
  const { storage, config } = context;
  const asked = parseReference(input.image);
  const platform = parsePlatform(input.platform);
  const started = new Date();
  const fetched = await fetchImage(context, asked, platform);
  const manifestDigest = fetched.image.manifest.digest;
  const digest = fetched.indexDigest ?? manifestDigest;

  const layout = planLayout(fetched.image);
  if (layout.size > config.maxImageBytes) {
    throw new CacheError(
      'image_too_large',
      `${canonicalReference(asked)} would be an archive of ${layout.size} bytes; this service takes up to ${config.maxImageBytes} (setting MAX_IMAGE_BYTES).`,
    );
  }
  await writeManifestOf(storage, asked, digest, platform, manifestDigest);
  // What a registry said of the tag. It was not asked when the run was started, or named a digest that it does not
  // have: then it has just been asked. Else the hint is kept already, unless it was lost since.
  if (asked.tag !== undefined) {
    if (asked.digest === digest) await keepTag(storage, asked, asked.tag, digest);
    else await writeTag(storage, asked, asked.tag, digest, started);
  }

  const blob = archiveName(asked, manifestDigest);
  const there = await findArchive(storage, blob);
  if (there === 'foreign') throw foreignBlob(blob);
  if (there !== undefined) return { cached: true, blob };
  const ref = { ...asked, digest };
  const { run, platform: wanted } = input;
  const { blockBytes } = limits;
  const planned = { run, image: canonicalReference(ref), platform: wanted, blob, blockBytes };
  await keepPlan(context, planned, makePlan(ref, fetched, layout));
  const blocks = cutBlocks(layout, blockBytes);
  const attempt = randomBytes(4).toString('hex');
  await stageOwnBlocks(context, planned, attempt, layout, blocks);
  const stretches = divideIntoStretches(blocks.layers, limits.taskBytes);
  return { cached: false, planned, totalBytes: layout.size, attempt, stretches };
}

/** The archive's head and its end marker, which is zeros. */
async function stageOwnBlocks(
  { storage }: CacheContext,
  { blob, run }: PlannedRun,
  attempt: string,
  { head }: Layout,
  blocks: ArchiveBlocks,
): Promise<void> {
  for (const { index, start, end } of blocks.head)
    await stageBlock(storage, blob, { index, run, attempt }, [head.subarray(start, end)]);
  for (const { index, start, end } of blocks.end)
    await stageBlock(storage, blob, { index, run, attempt }, [new Uint8Array(end - start)]);
}
