import assert from 'node:assert/strict';
import { before, describe, it, mock } from 'node:test';
import type { Binding, InvocationRequest } from '../../src/worker/rpc.ts';
import { Timers } from '../../src/timers/timers.ts';
import type { TimerState } from '../../src/timers/timers.ts';
import { recording } from '../support/fixtures.ts';
import { LIMIT } from '../support/waiting.ts';

interface Invocation {
  readonly function: string;
  readonly at: string;
  readonly rpcInputData: { readonly json: string };
  readonly rpcTriggerMetadata: Readonly<Record<string, unknown>>;
}
const recorded = recording('timer/timer.json') as {
  readonly bindings: Readonly<Record<string, Readonly<Record<string, Binding>>>>;
  readonly invocations: readonly Invocation[];
};

const withoutFractions = (json: string): unknown => JSON.parse(json.replace(/(T\d\d:\d\d:\d\d)\.\d+/g, '$1'));

describe(`Timers replay ${recorded.invocations.length} recorded runs over three starts of the host`, () => {
  /** When the recorded host was up, to the millisecond its timers' states tell. */
  const UP = [
    ['2026-11-22T06:10:25.151Z', '2026-11-22T06:10:40Z'],
    ['2026-11-22T06:11:49.766Z', '2026-11-22T06:14:30Z'],
    ['2026-11-22T06:19:28.476Z', '2026-11-22T06:24:30Z'],
  ] as const;
  const runs: { name: string; at: number; request: InvocationRequest }[] = [];

  before(() => {
    const states = new Map<string, TimerState>();
    const functions = Object.entries(recorded.bindings).map(([name, bindings]) => ({ name, bindings }));
    for (const [from, until] of UP) {
      mock.timers.enable({ apis: ['setTimeout', 'Date'], now: new Date(from) });
      const invoke = (name: string, request: InvocationRequest) => {
        runs.push({ name, at: Date.now(), request });
        return Promise.resolve({});
      };
      const timers = new Timers(functions, invoke, { log: () => undefined, env: {}, states });
      timers.start();
      while (Date.now() < Date.parse(until)) mock.timers.tick(50);
      timers.close();
      mock.timers.reset();
    }
  }, LIMIT);

  for (const invocation of recorded.invocations) {
    it(`${invocation.function} at ${invocation.at}`, LIMIT, () => {
      const run = runs.find(
        ({ name, at }) => name === invocation.function && Math.abs(at - Date.parse(invocation.at)) < 900,
      );
      assert.ok(run, 'it did not run then');
      assert.deepEqual(
        withoutFractions(run.request.inputData[0]?.data.json ?? ''),
        withoutFractions(invocation.rpcInputData.json),
      );
      assert.deepEqual(Object.keys(run.request.triggerMetadata), Object.keys(invocation.rpcTriggerMetadata));
      assert.match(run.request.triggerMetadata.TimerTrigger?.string ?? '', /^11\/22\/2026 06:\d\d:\d\d$/);
    });
  }
});
