import { app, type InvocationContext } from '@azure/functions';
import { getClient, input, OrchestrationRuntimeStatus } from 'durable-functions';
import { pruneImages } from '../../upkeep/pruneImages.ts';
import { sweepStaged } from '../../upkeep/sweepStaged.ts';
import { sweepRunPlans } from '../../upkeep/sweepRunPlans.ts';
import { inSpan } from '../../telemetry/tracing.ts';
import { type AppContext, appContext } from '../appContext.ts';
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
  const began = performance.now();
  const { kept, keptBytes, deleted, held } = await pruneImages(context);
  for (const { blob, size, lastUsed } of deleted) {
    invocation.log(`Pruned ${blob}: ${size} bytes, last used ${lastUsed}.`);
  }
  for (const { blob } of held) {
    invocation.warn(`${blob} is due, but a lease, a legal hold or a policy of the account holds it.`);
  }
  context.events.emit({
    type: 'prune',
    deleted: deleted.length,
    held: held.length,
    kept,
    bytes: deleted.reduce((total, { size }) => total + size, 0),
    seconds: Math.round(performance.now() - began) / 1000,
  });
  context.events.emit({ type: 'store', images: kept, bytes: keptBytes });
  await sweepStaged(context);
  await sweepRunPlans(context);
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
