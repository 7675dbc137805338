import { app, type InvocationContext } from '@azure/functions';
import { getClient, input, OrchestrationRuntimeStatus } from 'durable-functions';
import { sweepStaged } from '../../upkeep/sweepStaged.ts';
import { sweepRunPlans } from '../../upkeep/sweepRunPlans.ts';
import { sweepStatistics } from '../../upkeep/sweepStatistics.ts';
import { inSpan } from '../../telemetry/tracing.ts';
import { type AppContext, appContext } from '../appContext.ts';
import { pruneAndTell } from '../pruneAndTell.ts';
import { settings } from '../settings.ts';

/** Histories of finished runs are of no use to anyone after a week. */
const HISTORY_DAYS = 7;

app.timer('prune', {
  schedule: settings.pruneSchedule,
  extraInputs: [input.durableClient()],
  handler: async (_timer, invocation) => {
    const context = await appContext();
    await inSpan('prune', { attributes: { 'faas.trigger': 'timer' } }, () => prune(context, invocation));
  },
});

async function prune(context: AppContext, invocation: InvocationContext): Promise<void> {
  await pruneAndTell(context, invocation);
  await sweepStaged(context);
  await sweepRunPlans(context);
  await sweepStatistics(context);
  await purgeHistory(invocation);
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
