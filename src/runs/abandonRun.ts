import type { CacheContext } from '../context.ts';
import { deleteRunPlan } from '../store/archive/runPlans.ts';
import { dropStagedBlocks } from '../store/archive/staging.ts';
import type { AbandonInput } from './messages.ts';

/** Last activity of a run that failed: takes away what it staged and its plan, if any. Safe to run twice. */
export async function abandonRun(
  { storage }: Pick<CacheContext, 'storage'>,
  { planned }: Pick<AbandonInput, 'planned'>,
): Promise<void> {
  if (planned === undefined) return;
  const { blob, run } = planned;
  await dropStagedBlocks(storage, blob, (staging) => staging === run);
  await deleteRunPlan(storage, blob, run);
}
