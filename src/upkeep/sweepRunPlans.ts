import type { CacheContext } from '../context.ts';
import { deleteRunPlansBefore } from '../store/archive/runPlans.ts';

const DAY_MS = 24 * 3600 * 1000;
/** Storage keeps staged blocks for a week; a plan is of no use without them. */
const PLAN_DAYS = 8;

/** Deletes the plans that runs left which did not come to their commit. */
export async function sweepRunPlans({ storage }: CacheContext, now = new Date()): Promise<void> {
  await deleteRunPlansBefore(storage, new Date(now.getTime() - PLAN_DAYS * DAY_MS));
}
