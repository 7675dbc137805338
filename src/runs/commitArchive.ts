import { type Block, cutBlocks } from '../archive/blocks.ts';
import { LAYOUT_VERSION } from '../archive/layout.ts';
import type { CacheContext } from '../context.ts';
import { isoSeconds } from '../store/archive/archiveMetadata.ts';
import { CacheError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import { parseReference } from '../image/reference.ts';
import { findArchive, foreignBlob, readArchive } from '../store/archive/archives.ts';
import { deleteRunPlan } from '../store/archive/runPlans.ts';
import { commitBlocks, committingRun } from '../store/archive/staging.ts';
import { writeManifestOf } from '../store/hints/aliases.ts';
import { writeHolder } from '../store/hints/layers.ts';
import type { CommitInput } from './messages.ts';
import { keptPlan, openPlan } from './runPlan.ts';

/**
 * Last activity of a run: puts the proven blocks together under the archive's name. Safe to run twice and beside
 * another run for the same image: whoever is first commits, and the bytes are the same.
 * @returns what this run has committed; undefined where another run did, or an execution that came to its end before
 */
export async function commitArchive(
  context: CacheContext,
  input: CommitInput,
): Promise<CommittedArchive | undefined> {
  const { storage } = context;
  const { blob, run, blockBytes } = input.planned;
  const kept = await keptPlan(context, input.planned);
  // A plan goes when its archive is committed: this is a second execution, and the first one got so far.
  if (kept === undefined && (await readArchive(storage, blob)) !== undefined) return undefined;
  const { identity, layers: descriptors, geometry } = kept ?? (await openPlan(context, input.planned));
  const { head, layers, end } = cutBlocks(geometry, blockBytes);
  const attemptOf = attempts(input, [...head, ...end]);
  const blocks = [...head, ...layers.flatMap((layer) => layer.blocks), ...end].map((block) => {
    const attempt = attemptOf.get(block.index);
    if (attempt === undefined)
      throw new Error(`No stretch that was copied holds block ${block.index} of ${blob}.`);
    return { id: { index: block.index, run, attempt }, size: block.end - block.start };
  });
  const now = isoSeconds(new Date());
  const metadata = { ...identity, createdAt: now, lastUsed: now };
  const committed = await commitBlocks(storage, blob, blocks, metadata, LAYOUT_VERSION);
  if (!committed) {
    const there = await findArchive(storage, blob);
    if (there === 'foreign') throw foreignBlob(blob);
    if (there === undefined)
      throw new CacheError('storage_unavailable', `${blob} was deleted while it was committed. Try again.`);
  }
  const { image, platform, imageId, manifestDigest } = identity;
  await writeManifestOf(storage, parseReference(image), imageId, platform, manifestDigest);
  await writeHolder(storage, blob, [imageId, ...descriptors.map(({ digest }) => digest)]);
  // The archive is there, which is what counts; prune takes what is left.
  await deleteRunPlan(storage, blob, run).catch(() => undefined);
  // An execution that was cut off after its commit has told nobody.
  if (!committed && (await committingRun(storage, blob)) !== run) return undefined;
  const bytes = blocks.reduce((total, { size }) => total + size, 0);
  return { image, manifestDigest, bytes };
}

export interface CommittedArchive {
  readonly image: string;
  readonly manifestDigest: Digest;
  readonly bytes: number;
}

/** Which attempt staged each block. */
function attempts({ attempt, copied }: CommitInput, own: readonly Block[]): ReadonlyMap<number, string> {
  const attemptOf = new Map(own.map(({ index }) => [index, attempt]));
  for (const stretch of copied)
    for (let index = stretch.from; index < stretch.to; index++) attemptOf.set(index, stretch.attempt);
  return attemptOf;
}
