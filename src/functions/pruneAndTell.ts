import type { InvocationContext } from '@azure/functions';
import { getClient, OrchestrationRuntimeStatus } from 'durable-functions';
import { pruneImages } from '../upkeep/pruneImages.ts';
import type { PruneReport } from '../upkeep/pruneReport.ts';
import { sweepRunPlans } from '../upkeep/sweepRunPlans.ts';
import { sweepStaged } from '../upkeep/sweepStaged.ts';
import { sweepStatistics } from '../upkeep/sweepStatistics.ts';
import type { AppContext } from './appContext.ts';

/** Histories of finished runs are of no use to anyone after a week. */
const HISTORY_DAYS = 7;

/**
 * Prunes, whoever asked for it, and tells the log and all who count. Then goes what runs left: staged blocks, plans,
 * histories, statistics of long ago; a failure there keeps neither the others nor the report.
 * @param invocation with a Durable client among its inputs
 * @param deadline in milliseconds of Date.now(): nothing new is begun after it, and the report says that it is not all
 */
export async function pruneAndTell(
  context: AppContext,
  invocation: InvocationContext,
  deadline: number,
): Promise<PruneReport> {
  const began = performance.now();
  const report = await pruneImages(context, {
    deadline,
    onDeleted: ({ blob, size, lastUsed, reason }) =>
      invocation.log(`Pruned ${blob}: ${size} bytes, last used ${lastUsed}. ${reason}`),
  });
  const { kept, keptBytes, deleted, held, failed, overBudgetBytes } = report;
  for (const { blob } of held.images)
    invocation.warn(`${blob} is due, but a lease, a legal hold or a policy of the account holds it.`);
  for (const { blob, detail } of failed.images)
    invocation.warn(`${blob} is due, and was not deleted: ${detail}`);
  if (overBudgetBytes > 0)
    invocation.warn(
      `What is left exceeds MAX_CACHE_BYTES by ${overBudgetBytes} bytes: it is in use, meant by PRUNE_KEEP, or could not be deleted.`,
    );
  const isSwept = await sweep(context, invocation, deadline);
  const complete = report.complete && isSwept;
  context.events.emit({
    type: 'prune',
    deleted: deleted.count,
    held: held.count,
    failed: failed.count,
    kept,
    bytes: deleted.bytes,
    complete,
    seconds: Math.round(performance.now() - began) / 1000,
  });
  if (report.complete) context.events.emit({ type: 'store', images: kept, bytes: keptBytes });
  return { ...report, complete };
}

/** @returns whether all of it was done */
async function sweep(context: AppContext, invocation: InvocationContext, deadline: number): Promise<boolean> {
  let isDone = true;
  for (const [what, work] of [
    ['staged blocks', () => sweepStaged(context)],
    ['plans of runs', () => sweepRunPlans(context)],
    ['statistics', () => sweepStatistics(context)],
    ['histories', () => purgeHistory(invocation)],
  ] as const)
    try {
      if (Date.now() > deadline) isDone = false;
      else await work();
    } catch (error) {
      isDone = false;
      invocation.error(
        `Old ${what} were not swept: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  return isDone;
}

async function purgeHistory(invocation: InvocationContext): Promise<void> {
  const { Completed, Failed, Terminated } = OrchestrationRuntimeStatus;
  await getClient(invocation).purgeInstanceHistoryBy({
    // Required by the host, though nothing is older than this service.
    createdTimeFrom: new Date('2020-01-01T00:00:00Z'),
    createdTimeTo: new Date(Date.now() - HISTORY_DAYS * 24 * 3600 * 1000),
    runtimeStatus: [Completed, Failed, Terminated],
  });
}
