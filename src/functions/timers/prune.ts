import { app } from '@azure/functions';
import { input } from 'durable-functions';
import { inSpan } from '../../telemetry/tracing.ts';
import { appContext } from '../appContext.ts';
import { pruneAndTell } from '../pruneAndTell.ts';
import { settings } from '../settings.ts';

/** Within the half hour that a function has (host.json), with room for what is under way then. */
const LIMIT_MS = 25 * 60_000;

app.timer('prune', {
  schedule: settings.pruneSchedule,
  extraInputs: [input.durableClient()],
  handler: async (_timer, invocation) => {
    const context = await appContext();
    await inSpan('prune', { attributes: { 'faas.trigger': 'timer' } }, () =>
      pruneAndTell(context, invocation, Date.now() + LIMIT_MS),
    );
  },
});
