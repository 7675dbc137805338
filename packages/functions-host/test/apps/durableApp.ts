/**
 * The orchestrators and activities that the recordings in test/fixtures/durable/ and client/
 * were made with, written anew from what the recordings show, and one HTTP function that calls the durable client.
 * What took its time when it was recorded does not here, unless a timer has to come after something else.
 */
import { EventEmitter, once } from 'node:events';
import { app } from '@azure/functions';
import type { HttpRequest, InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import type { OrchestrationContext, Task } from 'durable-functions';
import { decode, encode } from '../support/values.ts';

/** How many turns each orchestration has taken; its id is emitted at each. */
const turns = new Map<string, number>();
const turned = new EventEmitter().setMaxListeners(0);

/** Waits until the orchestration that called this activity has taken so many turns. */
async function turn(count: number, { triggerMetadata }: InvocationContext): Promise<void> {
  const id = String(triggerMetadata?.instanceId);
  while ((turns.get(id) ?? 0) < count) await once(turned, id);
}

// Activities

const activity = (name: string, handler: (input: never, context: InvocationContext) => unknown) =>
  df.app.activity(name, {
    handler: (input: unknown, context: InvocationContext) =>
      handler(input as never, context) as Promise<unknown>,
  });

class MyError extends Error {
  override readonly name = 'MyError';
  readonly code = 42;
}
const attempts = new Map<string, number>();
const RETURNED: Record<string, () => unknown> = {
  true: () => true,
  false: () => false,
  bytes: () => Buffer.from([1, 2]),
  date: () => new Date('2023-11-14T22:13:20.123Z'),
  'empty-object': () => ({}),
  'json-string': () => '{"a":1}',
  'digits-string': () => '0123',
  'true-string': () => 'true',
  bigint: () => 2 ** 53,
  nan: () => NaN,
};

activity('hello', (name: string) => `Hello ${name}`);
activity('echo', (input: unknown) => input);
/** What took so many ms when it was recorded ended after this turn: the order is what matters, and is compared. */
const ENDS_AFTER_TURN: Readonly<Record<number, number>> = { 10: 1, 1500: 2, 2500: 3, 3000: 3, 4000: 2 };
activity('slow', async ({ ms, v }: { ms: number; v: string }, context) => {
  await turn(ENDS_AFTER_TURN[ms] ?? NaN, context);
  return v;
});
activity('fail', async (message: string, context) => {
  // The real host's queues take their time: there, an activity of 10 ms beside this one ended first.
  await turn(message === 'boom in fan-out' ? 2 : 1, context);
  throw new Error(message);
});
activity('failCustom', (message: string) => {
  throw new MyError(message);
});
activity('flaky', ({ key, okAt }: { key: string; okAt: number }) => {
  const attempt = (attempts.get(key) ?? 0) + 1;
  attempts.set(key, attempt);
  if (attempt < okAt) throw new Error(`attempt ${attempt} failed`);
  return `ok at attempt ${attempt}`;
});
activity('big', () => 'abcdefghij'.repeat(10_240));
activity('retNull', () => null);
activity('retUndefined', () => undefined);
activity('ret', (kind: string) => RETURNED[kind]?.());

/** Ends when another one has begun: so two must run at once, and a third would be seen. */
let partner: (() => void) | undefined;
df.app.activity('busy', {
  handler: async (_input: unknown, context: InvocationContext) => {
    context.log('busy +1');
    await new Promise<void>((resolve) => {
      partner?.();
      if (partner !== undefined) resolve();
      partner = partner === undefined ? resolve : undefined;
    });
    context.log('busy -1');
  },
});

// Orchestrators

type Handler = (context: OrchestrationContext) => Generator<Task, unknown, unknown>;
const orchestrator = (name: string, handler: Handler) =>
  df.app.orchestration(name, function* (context) {
    const { instanceId } = context.df;
    turns.set(instanceId, (turns.get(instanceId) ?? 0) + 1);
    turned.emit(instanceId);
    return yield* handler(context);
  });

orchestrator('single-activity', function* ({ df }) {
  return yield df.callActivity('hello', 'Tokyo');
});
orchestrator('two-sequential-activities', function* ({ df }) {
  const first = (yield df.callActivity('hello', 'Tokyo')) as string;
  return [first, yield df.callActivity('hello', first)];
});
orchestrator('value-roundtrip', function* ({ df }) {
  return yield df.callActivity('echo', df.getInput());
});
orchestrator('activity-returns-kind', function* ({ df }) {
  const value: unknown = yield df.callActivity('ret', df.getInput());
  return { type: typeof value, json: JSON.stringify(value) };
});
for (const [name, called] of [
  ['activity-returns-null', 'retNull'],
  ['activity-returns-undefined', 'retUndefined'],
] as const) {
  orchestrator(name, function* ({ df }) {
    const value: unknown = yield df.callActivity(called);
    return { type: typeof value, isNull: value === null };
  });
}
orchestrator('activity-unknown', function* ({ df }) {
  return yield df.callActivity('noSuchActivity', 1);
});
orchestrator('big-activity-result', function* ({ df }) {
  return yield df.callActivity('big');
});
orchestrator('big-activity-result-length-only', function* ({ df }) {
  return ((yield df.callActivity('big')) as string).length;
});
orchestrator('activity-fails-uncaught', function* ({ df }) {
  return yield df.callActivity('fail', 'boom from activity');
});
orchestrator('activity-fails-custom-error-uncaught', function* ({ df }) {
  return yield df.callActivity('failCustom', 'boom from activity');
});
orchestrator('activity-fails-caught', function* ({ df }) {
  try {
    return yield df.callActivity('fail', 'boom from activity');
  } catch (error) {
    const { message, name } = error as Error;
    return { caught: message, name, isError: error instanceof Error, keys: Object.keys(error as Error) };
  }
});

const slow = (df: df.DurableOrchestrationContext, ms: number, v: string) =>
  df.callActivity('slow', { ms, v });
const oneFails = (df: df.DurableOrchestrationContext) =>
  df.Task.all([slow(df, 10, 'first'), df.callActivity('fail', 'boom in fan-out'), slow(df, 2500, 'third')]);
const inSeconds = (df: df.DurableOrchestrationContext, seconds: number) =>
  df.createTimer(new Date(df.currentUtcDateTime.getTime() + seconds * 1000));

orchestrator('fan-out-all', function* ({ df }) {
  return yield df.Task.all([slow(df, 3000, 'first'), slow(df, 1500, 'second'), slow(df, 10, 'third')]);
});
orchestrator('all-with-one-failing', function* ({ df }) {
  return yield oneFails(df);
});
orchestrator('all-with-one-failing-caught', function* ({ df }) {
  try {
    return yield oneFails(df);
  } catch (error) {
    return { caught: (error as Error).message, name: (error as Error).name };
  }
});
orchestrator('all-activity-and-timer', function* ({ df }) {
  const [said, timer] = (yield df.Task.all([
    df.callActivity('hello', 'Tokyo'),
    inSeconds(df, 2),
  ])) as unknown[];
  return [said, timer];
});
orchestrator('any-timer-wins', function* ({ df }) {
  const work = slow(df, 4000, 'late');
  const winner: unknown = yield df.Task.any([work, inSeconds(df, 0.1)]);
  return winner === work ? work.result : 'timer';
});
orchestrator('any-activity-wins-timer-cancelled', function* ({ df }) {
  const work = df.callActivity('hello', 'Tokyo');
  const timer = inSeconds(df, 60);
  const winner: unknown = yield df.Task.any([work, timer]);
  timer.cancel();
  return winner === work ? work.result : 'timer';
});
orchestrator('timer-2s', function* ({ df }) {
  const result: unknown = yield inSeconds(df, 0.1);
  return { timerResult: typeof result };
});
orchestrator('retry-succeeds-third', function* ({ df }) {
  const input = { key: df.instanceId, okAt: 3 };
  return yield df.callActivityWithRetry('flaky', new RetryOptions(1000, 5), input);
});
orchestrator('retry-exhausted', function* ({ df }) {
  const input = { key: df.instanceId, okAt: 99 };
  return yield df.callActivityWithRetry('flaky', new RetryOptions(1000, 3), input);
});
const { RetryOptions } = df;

orchestrator('child', function* ({ df }) {
  const said: unknown = yield df.callActivity('hello', df.getInput());
  return { r: said, parent: df.parentInstanceId, id: df.instanceId };
});
orchestrator('child-fails', function* ({ df }) {
  yield df.callActivity('hello', 'x');
  throw new Error('boom from child');
});
orchestrator('sub-orchestration', function* ({ df }) {
  return yield df.callSubOrchestrator('child', 'Tokyo');
});
orchestrator('sub-orchestration-with-id', function* ({ df }) {
  return yield df.callSubOrchestrator('child', 'Tokyo', `${df.instanceId}-child`);
});
orchestrator('sub-orchestration-fails', function* ({ df }) {
  return yield df.callSubOrchestrator('child-fails', 'Tokyo');
});
orchestrator('sub-orchestration-fails-caught', function* ({ df }) {
  try {
    return yield df.callSubOrchestrator('child-fails', 'Tokyo');
  } catch (error) {
    return { caught: (error as Error).message, name: (error as Error).name };
  }
});

orchestrator('external-event', function* ({ df }) {
  return { got: yield df.waitForExternalEvent('go') };
});
orchestrator('external-event-early', function* ({ df }) {
  yield inSeconds(df, 3);
  return { got: yield df.waitForExternalEvent('go') };
});
orchestrator('suspend-resume', function* ({ df }) {
  return yield df.waitForExternalEvent('go');
});
orchestrator('terminate-while-waiting', function* ({ df }) {
  return yield df.waitForExternalEvent('never');
});
orchestrator('continue-as-new-twice', function* ({ df }) {
  const n = df.getInput<number>();
  const r: unknown = yield df.callActivity('echo', n);
  if (n >= 2) return { n, r };
  df.continueAsNew(n + 1);
  return 'not the output';
});
orchestrator('custom-status', function* ({ df }) {
  df.setCustomStatus('start');
  yield df.callActivity('hello', 'a');
  df.setCustomStatus({ step: 1 });
  df.setCustomStatus({ step: 2, of: [1, 2] });
  yield df.callActivity('hello', 'b');
  df.setCustomStatus(null);
  yield df.callActivity('hello', 'c');
  df.setCustomStatus('end');
  return 'done';
});
orchestrator('context-properties', function* ({ df }) {
  const a = { now: df.currentUtcDateTime, replaying: df.isReplaying };
  const [g1, g2] = [df.newGuid(df.instanceId), df.newGuid(df.instanceId)];
  yield df.callActivity('hello', g1);
  const { currentUtcDateTime: later, instanceId, parentInstanceId, isReplaying } = df;
  return {
    a,
    later,
    instanceId,
    parentInstanceId,
    g1,
    g2,
    isReplaying,
    customStatus: df.customStatus ?? null,
  };
});

// Returned or thrown in the first turn. The library wants generators; these have nothing to yield.
const atOnce = (name: string, run: () => unknown) =>
  orchestrator(name, function* () {
    if (name === '') yield undefined as never;
    return run();
  });
atOnce('orchestrator-returns-at-once', () => 'immediate');
atOnce('orchestrator-returns-date', () => new Date('2023-11-14T22:13:20.123Z'));
atOnce('orchestrator-returns-true', () => true);
atOnce('orchestrator-returns-undefined', () => undefined);
atOnce('orchestrator-throws', () => {
  throw new MyError('boom from orchestrator');
});
atOnce('orchestrator-throws-string', () => {
  throw 'a string' as unknown as Error;
});
orchestrator('orchestrator-throws-after-activity', function* ({ df }) {
  df.setCustomStatus('before');
  yield df.callActivity('hello', 'x');
  throw new TypeError('late boom');
});
orchestrator('calls-http', function* ({ df }) {
  return yield df.callHttp({ method: 'GET', url: 'http://127.0.0.1/' });
});
orchestrator('retry-timeout', function* ({ df }) {
  const options = Object.assign(new RetryOptions(1000, 5), { retryTimeoutInMilliseconds: 1 });
  return yield df.callActivityWithRetry('hello', options, 'x');
});
orchestrator('timer-7-days', function* ({ df }) {
  return yield inSeconds(df, 7 * 24 * 60 * 60);
});
orchestrator('busy-all', function* ({ df }) {
  return ((yield df.Task.all([1, 2, 3, 4, 5, 6].map((n) => df.callActivity('busy', n)))) as number[]).length;
});
orchestrator('calls-entity', function* ({ df }) {
  return yield df.callEntity(new EntityId('counter', 'one'), 'get');
});
const { EntityId } = df;

// The client

interface Call {
  readonly method: string;
  readonly args: unknown[];
  /** Where to call the local RPC API, if not where the binding says. */
  readonly rpcBaseUrl?: string;
}

const durableClient = df.input.durableClient();
const className = (value: unknown): string =>
  typeof value === 'object' && value !== null ? value.constructor.name : typeof value;

async function callClient(request: HttpRequest, context: InvocationContext) {
  const { method, args, rpcBaseUrl } = (await request.json()) as Call;
  const input = context.extraInputs.get(durableClient) as { rpcBaseUrl: string };
  if (method === 'input') return { jsonBody: input };
  if (rpcBaseUrl !== undefined) input.rpcBaseUrl = rpcBaseUrl;
  const client = df.getClient(context) as unknown as Record<string, (...args: unknown[]) => unknown>;
  const decoded = args.map(decode);
  const takesRequest = method.includes('CheckStatusResponse');
  try {
    const returned: unknown = await client[method]?.(...(takesRequest ? [request, ...decoded] : decoded));
    return { jsonBody: { returned: await encode(returned), returnedClass: className(returned) } };
  } catch (error) {
    return { jsonBody: { threw: { name: (error as Error).name, message: (error as Error).message } } };
  }
}
app.post('client', { authLevel: 'anonymous', extraInputs: [durableClient], handler: callClient });
