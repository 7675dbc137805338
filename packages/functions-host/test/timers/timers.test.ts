import assert from 'node:assert/strict';
import { after, before, describe, it, mock } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startHost } from '../../src/host.ts';
import type { RunningHost } from '../../src/host.ts';
import type { Binding, InvocationRequest } from '../../src/worker/rpc.ts';
import { Timers } from '../../src/timers/timers.ts';
import type { TimerState } from '../../src/timers/timers.ts';
import { recording } from '../support/fixtures.ts';

interface Invocation {
  readonly function: string;
  readonly at: string;
  readonly timer: unknown;
  readonly contextTriggerMetadata: string;
  readonly rpcInputData: { readonly json: string };
  readonly rpcTriggerMetadata: Readonly<Record<string, unknown>>;
  readonly threw?: string;
}
interface Manual {
  readonly case: string;
  readonly description: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly body: string | null;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly body: unknown;
  };
  readonly invocations: readonly Invocation[];
}
const recorded = recording('timer/timer.json') as {
  readonly bindings: Readonly<Record<string, Readonly<Record<string, Binding>>>>;
  readonly invocations: readonly Invocation[];
  readonly manual: readonly Manual[];
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
      const timers = new Timers(functions, invoke, () => undefined, states);
      timers.start();
      while (Date.now() < Date.parse(until)) mock.timers.tick(50);
      timers.close();
      mock.timers.reset();
    }
  });

  for (const invocation of recorded.invocations) {
    it(`${invocation.function} at ${invocation.at}`, () => {
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

describe(`The admin API replays ${recorded.manual.length} recorded requests`, () => {
  const keys = { master: 'the-master-key', function: 'the-function-key', system: 'the-system-key' };
  let host: RunningHost;
  let seen: Record<string, unknown>[] = [];

  before(async () => {
    host = await startHost({
      entry: fileURLToPath(new URL('../apps/timersApp.ts', import.meta.url)),
      port: 0,
      keys,
      log: (line) => {
        const json = /: timer (\{.*)$/.exec(line)?.[1];
        if (json !== undefined) seen.push(JSON.parse(json) as Record<string, unknown>);
        if (line.includes('timer threw')) seen.push({ function: 'throws', threw: 'timer threw' });
      },
    });
  });
  after(() => host.close());

  const withKeys = (text: string): string =>
    text.replaceAll('<master-key>', keys.master).replaceAll('<function-key>', keys.function);
  const dates = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replace(/"\d{4}-\d\d-\d\dT[^"]*"/g, '"<date>"'));

  for (const { case: name, description, request, response, invocations } of recorded.manual) {
    it(`${name}: ${description}`, async () => {
      seen = [];
      const headers = Object.entries(request.headers).filter(([header]) => header !== 'Content-Length');
      const answer = await fetch(`${host.url}${withKeys(request.path)}`, {
        method: request.method,
        headers: headers.map(([header, value]): [string, string] => [header, withKeys(value)]),
        // Bytes, so that fetch adds no Content-Type of its own.
        body: request.body === null ? null : Buffer.from(request.body),
      });
      assert.equal(answer.status, response.status);
      assert.equal(answer.headers.get('www-authenticate'), response.headers['WWW-Authenticate'] ?? null);
      if (response.body === '') assert.equal(await answer.text(), '');
      else
        assertHas((await answer.json()) as Record<string, unknown>, response.body as Record<string, unknown>);

      const deadline = Date.now() + 20_000;
      const asked = request.path.split('/').at(-1)?.split('?')[0]?.toLowerCase();
      const mine = () => seen.filter((run) => String(run.function).toLowerCase() === asked);
      while (mine().length < invocations.length && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 10));
      const expected = invocations.map(({ function: fn, timer, contextTriggerMetadata, threw }) =>
        threw === undefined ? { function: fn, timer, contextTriggerMetadata } : { function: fn, threw },
      );
      // A timer may fall due by itself as well, meanwhile.
      assert.deepEqual(dates(mine().slice(0, Math.max(1, expected.length))), dates(expected));
    });
  }
});

/** What the local host says of a function or of itself, it says as the real one; it does not say all. */
function assertHas(actual: Record<string, unknown>, expected: Record<string, unknown>): void {
  if (!('config' in expected)) {
    assert.equal(actual.state, expected.state);
    return;
  }
  const { name, language, isDisabled } = expected;
  assert.deepEqual(
    { name: actual.name, language: actual.language, isDisabled: actual.isDisabled },
    { name, language, isDisabled },
  );
  const config = expected.config as { readonly bindings: unknown };
  assert.deepEqual((actual.config as { readonly bindings: unknown }).bindings, config.bindings);
}
