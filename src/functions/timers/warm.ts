import { app } from '@azure/functions';
import { input } from 'durable-functions';
import { inSpan } from '../../telemetry/tracing.ts';
import { appContext } from '../appContext.ts';
import { settings } from '../settings.ts';
import { warmAndTell } from '../warmAndTell.ts';

/** Within the half hour that a function has (host.json), with room for what is under way then. */
const LIMIT_MS = 25 * 60_000;

app.timer('warm', {
  schedule: settings.warmSchedule,
  extraInputs: [input.durableClient()],
  handler: async (_timer, invocation) => {
    const { warmImages, warmRepositories } = settings;
    if (warmImages.length + warmRepositories.length === 0) return;
    const context = await appContext();
    await inSpan('warm', { attributes: { 'faas.trigger': 'timer' } }, () =>
      warmAndTell(context, invocation, Date.now() + LIMIT_MS),
    );
  },
});
