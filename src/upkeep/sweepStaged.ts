import type { CacheContext } from '../context.ts';
import { plannedRunsSince } from '../store/archive/runPlans.ts';
import { dropStagedBlocks, namesOfStaged } from '../store/archive/staging.ts';

const HOUR_MS = 3600 * 1000;
/** Beside what a run may wait: copying writes its plan anew before it is as old (src/runs/runPlan.ts). */
const RUN_HOURS = 24;

/**
 * Throws away what runs staged that were killed or ended by an operator: of archives that were never committed, the
 * blocks of runs without a plan of the last day. Storage itself would keep, and charge, them for a week.
 */
export async function sweepStaged({ config, storage }: CacheContext, now = new Date()): Promise<void> {
  const oldest = new Date(now.getTime() - (RUN_HOURS + config.maxWaitHours) * HOUR_MS);
  for (const blob of await namesOfStaged(storage)) {
    const running = await plannedRunsSince(storage, blob, oldest);
    await dropStagedBlocks(storage, blob, (run) => !running.has(run));
  }
}
