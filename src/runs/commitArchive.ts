import { type Block, cutBlocks } from '../archive/blocks.ts';
import { LAYOUT_VERSION } from '../archive/layout.ts';
import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import { isoSeconds, readArchive } from '../store/archive/archives.ts';
import { deleteRunPlan } from '../store/archive/runPlans.ts';
import { commitBlocks } from '../store/archive/staging.ts';
import type { CommitInput } from './messages.ts';
import { keptPlan, openPlan } from './runPlan.ts';

/**
 * Last activity of a run: puts the proven blocks together under the archive's name. Safe to run twice and beside
 * another run for the same image: whoever is first commits, and the bytes are the same.
 */
export async function commitArchive(context: CacheContext, input: CommitInput): Promise<void> {
  const { storage } = context;
  const { blob, run, blockBytes } = input.planned;
  const kept = await keptPlan(context, input.planned);
  // A plan goes when its archive is committed: this is a second execution, and the first one got so far.
  if (kept === undefined && (await readArchive(storage, blob)) !== undefined) return;
  const { identity, geometry } = kept ?? (await openPlan(context, input.planned));
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
  if (!committed && (await readArchive(storage, blob)) === undefined) {
    throw new CacheError(
      'storage_unavailable',
      `The blob ${blob} is there, but this service did not write it. Move it away, and ask for the image again.`,
      { retryable: false },
    );
  }
  // The archive is there, which is what counts; prune takes what is left.
  await deleteRunPlan(storage, blob, run).catch(() => undefined);
}

/** Which attempt staged each block. */
function attempts({ attempt, copied }: CommitInput, own: readonly Block[]): ReadonlyMap<number, string> {
  const attemptOf = new Map(own.map(({ index }) => [index, attempt]));
  for (const stretch of copied)
    for (let index = stretch.from; index < stretch.to; index++) attemptOf.set(index, stretch.attempt);
  return attemptOf;
}
