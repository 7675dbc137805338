import { randomBytes } from 'node:crypto';
import { type ArchiveBlocks, BLOCK_BYTES, cutBlocks } from '../archive/blocks.ts';
import { COPY_LIMITS, divideIntoLanes } from '../archive/lanes.ts';
import { type Layout, planLayout } from '../archive/layout.ts';
import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import { parsePlatform } from '../image/platform.ts';
import { canonicalReference, parseReference } from '../image/reference.ts';
import { readArchive } from '../store/archive/archives.ts';
import { archiveName } from '../store/archive/archiveNames.ts';
import { stageBlock } from '../store/archive/staging.ts';
import { writeManifestOf, writeTag } from '../store/hints/aliases.ts';
import { fetchImage } from './fetchImage.ts';
import type { PlannedRun, Resolved, ResolveInput } from './messages.ts';
import { keepPlan, makePlan } from './runPlan.ts';

/**
 * First activity of a run: pulls the image's documents, checks that it can be cached, lays its archive out, keeps
 * the plan for the other activities, and stages what comes from no layer. Nothing of a layer is pulled yet.
 * @param limits bytes of a block, a task and a segment; tests make them small
 */
export async function resolveImage(
  context: CacheContext,
  input: ResolveInput,
  limits = { blockBytes: BLOCK_BYTES, ...COPY_LIMITS },
): Promise<Resolved> {
  const { storage, config } = context;
  const asked = parseReference(input.image);
  const platform = parsePlatform(input.platform);
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
  // The tag could not be resolved when the run was started, or to a digest that its registry does not have.
  if (asked.digest !== digest && asked.tag !== undefined)
    await writeTag(storage, asked, asked.tag, digest);

  const blob = archiveName(asked, manifestDigest);
  if ((await readArchive(storage, blob)) !== undefined) return { cached: true, blob };
  const ref = { ...asked, digest };
  const { run, platform: wanted } = input;
  const { blockBytes } = limits;
  const planned = { run, image: canonicalReference(ref), platform: wanted, blob, blockBytes };
  await keepPlan(context, planned, makePlan(ref, fetched, layout));
  const blocks = cutBlocks(layout, blockBytes);
  const attempt = randomBytes(4).toString('hex');
  await stageOwnBlocks(context, planned, attempt, layout, blocks);
  const lanes = divideIntoLanes(blocks.layers, limits);
  return { cached: false, planned, totalBytes: layout.size, attempt, lanes };
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
    await stageBlock(storage, blob, { index, run, attempt }, head.subarray(start, end));
  for (const { index, start, end } of blocks.end)
    await stageBlock(storage, blob, { index, run, attempt }, new Uint8Array(end - start));
}
