import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startHost } from '../../src/host.ts';
import type { RunningHost } from '../../src/host.ts';
import { recording } from '../support/fixtures.ts';
import { LIMIT, until } from '../support/waiting.ts';

interface Invocation {
  readonly function: string;
  readonly timer: unknown;
  readonly contextTriggerMetadata: string;
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
const recorded = recording('timer/timer.json') as { readonly manual: readonly Manual[] };

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
  }, LIMIT);
  after(() => host.close(), LIMIT);

  const withKeys = (text: string): string =>
    text.replaceAll('<master-key>', keys.master).replaceAll('<function-key>', keys.function);
  const dates = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replace(/"\d{4}-\d\d-\d\dT[^"]*"/g, '"<date>"'));

  for (const { case: name, description, request, response, invocations } of recorded.manual) {
    it(`${name}: ${description}`, LIMIT, async () => {
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

      const asked = request.path.split('/').at(-1)?.split('?')[0]?.toLowerCase();
      const mine = () => seen.filter((run) => String(run.function).toLowerCase() === asked);
      await until(`${invocations.length} runs`, () =>
        mine().length < invocations.length ? undefined : true,
      );
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
