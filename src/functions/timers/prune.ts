import { app, type InvocationContext } from '@azure/functions';
import { getClient, input, OrchestrationRuntimeStatus } from 'durable-functions';
import { pruneImages } from '../../upkeep/pruneImages.ts';
import { sweepStaged } from '../../upkeep/sweepStaged.ts';
import { sweepRunPlans } from '../../upkeep/sweepRunPlans.ts';
import { sweepStatistics } from '../../upkeep/sweepStatistics.ts';
import { appContext } from '../appContext.ts';
import { settings } from '../settings.ts';

/** Histories of finished runs are of no use to anyone after a week. */
const HISTORY_DAYS = 7;

app.timer('prune', {
  schedule: settings.pruneSchedule,
  extraInputs: [input.durableClient()],
  handler: async (_timer, invocation) => {
    const report = await pruneImages(await appContext());
    for (const { blob, size, lastUsed } of report.deleted) {
      invocation.log(`Pruned ${blob}: ${size} bytes, last used ${lastUsed}.`);
    }
    for (const { blob } of report.held) {
      invocation.warn(`${blob} is due, but a lease, a legal hold or a policy of the account holds it.`);
    }
    invocation.log(`Prune: ${report.deleted.length} deleted, ${report.kept} kept.`);
    await sweepStaged(await appContext());
    await sweepRunPlans(await appContext());
    await sweepStatistics(await appContext());
    await purgeHistory(invocation);
  },
});

async function purgeHistory(invocation: InvocationContext): Promise<void> {
  const { Completed, Failed, Terminated } = OrchestrationRuntimeStatus;
  await getClient(invocation).purgeInstanceHistoryBy({
    // Required by the host, though nothing is older than this service.
    createdTimeFrom: new Date('2020-01-01T00:00:00Z'),
    createdTimeTo: new Date(Date.now() - HISTORY_DAYS * 24 * 3600 * 1000),
    runtimeStatus: [Completed, Failed, Terminated],
  });
}
