/** The timer functions of the recordings in test/fixtures/timer/; each logs what it got. */
import { setTimeout as sleep } from 'node:timers/promises';
import { app } from '@azure/functions';
import type { InvocationContext, Timer } from '@azure/functions';
import * as df from 'durable-functions';
import { recording } from '../support/fixtures.ts';

interface Options {
  readonly schedule: string;
  readonly runOnStartup?: boolean;
  readonly useMonitor?: boolean;
}
const { functions } = recording('timer/timer.json') as {
  readonly functions: Readonly<Record<string, Options>>;
};

const ENDINGS: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('timer threw');
  },
  returnsValue: () => 'a value',
  slow3s: () => sleep(3000),
};

for (const [name, options] of Object.entries(functions)) {
  app.timer(name, {
    ...options,
    handler: async (timer: Timer, context: InvocationContext) => {
      context.log(
        `timer ${JSON.stringify({ function: name, timer, contextTriggerMetadata: typeof context.triggerMetadata })}`,
      );
      await ENDINGS[name]?.();
    },
  });
}
app.http('plain', {
  handler: (_request, context) => {
    context.log('timer {"function":"plain"}');
    return {};
  },
});
df.app.activity('act', {
  handler: (_input: unknown, context: InvocationContext) => context.log('timer {"function":"act"}'),
});
df.app.orchestration('orc', function* (context) {
  yield context.df.callActivity('act');
});
