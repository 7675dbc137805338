import type { InvocationContext } from '@azure/functions';
import { warmImages, type WarmReport } from '../upkeep/warmImages.ts';
import type { AppContext } from './appContext.ts';
import { durableRuns } from './durable/durableRuns.ts';

/**
 * Caches what is to be kept ready, whoever asked for it, and tells the log and all who count.
 * @param invocation with a Durable client among its inputs
 * @param deadline in milliseconds of Date.now(): nothing new is begun after it, and the report says that it is not all
 */
export async function warmAndTell(
  context: AppContext,
  invocation: InvocationContext,
  deadline: number,
): Promise<WarmReport> {
  const began = performance.now();
  const report = await warmImages(context, durableRuns(invocation), deadline);
  const count = { ready: 0, pending: 0, failed: 0, absent: 0 };
  for (const { requested, found } of report.images) {
    count[found.state] += 1;
    if (found.state === 'failed')
      invocation.warn(`${requested} is to be kept ready, and is not: ${found.error.detail}`);
  }
  for (const { wantedBy, error } of report.failures)
    invocation.warn(`"${wantedBy}" in WARM_REPOSITORIES: ${error.message}`);
  context.events.emit({
    type: 'warm',
    ready: count.ready,
    pending: count.pending,
    failed: count.failed + count.absent,
    unlisted: report.failures.length,
    complete: report.complete,
    seconds: Math.round(performance.now() - began) / 1000,
  });
  return report;
}
