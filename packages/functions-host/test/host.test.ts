import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startHost } from '../src/host.ts';
import type { HostOptions, RunningHost } from '../src/host.ts';
import { LIMIT, until } from './support/waiting.ts';

const SMALL = fileURLToPath(new URL('./apps/smallApp.ts', import.meta.url));
const DURABLE = fileURLToPath(new URL('./apps/durableApp.ts', import.meta.url));

/** Starts a host that is closed when the test has ended, whatever becomes of it. */
async function start(t: TestContext, options: Partial<HostOptions> = {}): Promise<RunningHost> {
  const host = await startHost({ entry: SMALL, port: 0, log: () => undefined, ...options });
  t.after(() => host.close());
  return host;
}

async function sumOfSquares(host: RunningHost, id: string): Promise<string> {
  const response = await fetch(`${host.url}/api/sums/${id}`, { method: 'POST', body: '[1,2,3,4,5,6,7]' });
  assert.equal(response.status, 200);
  return response.text();
}

describe('The local host', () => {
  it(
    'runs an app from request to orchestration and back, again and again in one process',
    LIMIT,
    async (t) => {
      for (const id of ['first', 'second']) {
        const host = await start(t);
        assert.equal(await sumOfSquares(host, id), '140');
        await host.close();
        await assert.rejects(fetch(host.url));
      }
    },
  );

  it('runs several apps beside each other, each with a task hub of its own', LIMIT, async (t) => {
    const hosts = await Promise.all([start(t), start(t)]);
    assert.deepEqual(await Promise.all(hosts.map((host) => sumOfSquares(host, 'same'))), ['140', '140']);
  });

  it('leaves nothing running after it was closed: the process ends by itself', LIMIT, async () => {
    const script = `
      import { startHost } from ${JSON.stringify(new URL('../src/host.ts', import.meta.url).href)};
      const host = await startHost({ entry: ${JSON.stringify(SMALL)}, port: 0 });
      await fetch(host.url + '/api/sums/any', { method: 'POST', body: '[1]' });
      await host.close();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    const [code] = (await once(child, 'exit', { signal: AbortSignal.timeout(60_000) })) as [number | null];
    assert.equal(code, 0);
  });

  it('takes what the app prints into its log', LIMIT, async (t) => {
    const log: string[] = [];
    await withEntry(
      `import { app } from '@azure/functions';
       app.http('h', { handler: () => { console.log('printed'); console.error('complained'); return {}; } });`,
      async (entry) => {
        const host = await start(t, { entry, log: (line) => log.push(line) });
        assert.equal((await fetch(`${host.url}/api/h`)).status, 200);
        await until('both are there', () =>
          log.includes('printed') && log.includes('complained') ? true : undefined,
        );
      },
    );
  });

  it('tells a function the trace of its request', LIMIT, async (t) => {
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    const code = (setup: string): string =>
      `import { app } from '@azure/functions'; ${setup}
       app.http('h', { handler: (_, { traceContext }) => ({ jsonBody: traceContext ?? {} }) });`;
    for (const setup of ['', 'app.setup({ enableHttpStream: true });'])
      await withEntry(code(setup), async (entry) => {
        const host = await start(t, { entry });
        const of = async (headers: Record<string, string>) =>
          (await fetch(`${host.url}/api/h`, { headers })).json();
        assert.deepEqual(await of({ traceparent, tracestate: 'a=b' }), {
          traceParent: traceparent,
          traceState: 'a=b',
        });
        assert.deepEqual(await of({}), {});
      });
  });

  it('lets an app that ends do what it has hooked, and goes on where that fails', LIMIT, async (t) => {
    const log: string[] = [];
    await withEntry(
      `import { app } from '@azure/functions';
       app.http('h', { handler: () => ({}) });
       app.hook.appTerminate(() => { throw new Error('a bad hook'); });
       app.hook.appTerminate(() => new Promise((done) => setTimeout(() => { console.log('ended'); done(); }, 20)));`,
      async (entry) => {
        const host = await start(t, { entry, log: (line) => log.push(line) });
        await host.close();
        assert.ok(log.some((line) => /^error: A hook appTerminate failed: .*a bad hook/.test(line)));
        assert.ok(log.includes('ended'), log.join());
      },
    );
  });

  it('says so when its port is in use', LIMIT, async (t) => {
    const other = http.createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await assert.rejects(start(t, { port }), new RegExp(`Port ${port} of 127.0.0.1 is in use`));
    await new Promise((resolve) => other.close(resolve));
  });

  it('says so when the entry throws, and why', LIMIT, async (t) => {
    await withEntry("throw new Error('a bad setting');", async (entry) => {
      await assert.rejects(start(t, { entry }), /could not be loaded: a bad setting/);
    });
  });

  it('says so when the entry ends the process, or is never loaded to its end', LIMIT, async (t) => {
    for (const code of ['process.exit(3);', 'await new Promise(() => {});']) {
      await withEntry(code, async (entry) => {
        await assert.rejects(start(t, { entry }), /ended while it was being loaded \(exit code \d+\)/);
      });
    }
  });

  it('tells when the app ends by itself', LIMIT, async (t) => {
    const code = `import { app } from '@azure/functions'; app.http('bye', { handler: () => process.exit(3) });`;
    await withEntry(code, async (entry) => {
      const host = await start(t, { entry });
      assert.equal((await fetch(`${host.url}/api/bye`)).status, 500);
      assert.match((await host.ended).message, /thread has ended \(exit code 3\)/);
      assert.equal((await fetch(`${host.url}/api/bye`)).status, 500);
    });
  });

  it('gives each app the environment meant for it, and no other', LIMIT, async (t) => {
    const code = `import { app } from '@azure/functions';
      app.timer('t', { schedule: '%WHEN%', handler: () => {} });
      app.http('h', { handler: () => ({ jsonBody: { when: process.env.WHEN, path: typeof process.env.PATH } }) });`;
    await withEntry(code, async (entry) => {
      await assert.rejects(start(t, { entry, env: {} }), /'WHEN' is not set/);
      for (const WHEN of ['0 0 0 1 1 *', '0 0 0 2 2 *']) {
        const host = await start(t, { entry, env: { WHEN } });
        const answer = await fetch(`${host.url}/api/h`);
        assert.deepEqual(await answer.json(), { when: WHEN, path: 'undefined' });
      }
    });
  });

  it('runs no more activities at once than it may', LIMIT, async (t) => {
    const running = { now: 0, most: 0 };
    const host = await start(t, {
      entry: DURABLE,
      maxConcurrentActivities: 2,
      log: (line) => {
        if (line.endsWith('busy +1')) running.most = Math.max(running.most, ++running.now);
        if (line.endsWith('busy -1')) running.now -= 1;
      },
    });
    const body = JSON.stringify({ method: 'startNew', args: ['busy-all', { instanceId: 'busy' }] });
    await fetch(`${host.url}/api/client`, { method: 'POST', body });
    const output = await ended(host, 'busy');
    assert.equal(output, 6);
    assert.equal(running.most, 2);
  });
});

describe('What the local host does not have', () => {
  const trigger = (code: string) =>
    `import { app } from '@azure/functions'; import * as df from 'durable-functions'; ${code}`;

  for (const [what, code, message] of [
    [
      'a queue trigger',
      `app.storageQueue('q', { queueName: 'q', connection: 'c', handler: () => {} })`,
      /'q' uses 'queueTrigger'/,
    ],
    ['an entity', `df.app.entity('counter', () => {})`, /'counter' uses 'entityTrigger'/],
    [
      'an output binding',
      `import { output } from '@azure/functions'; app.http('h', { extraOutputs: [output.storageBlob({ path: 'p', connection: 'c' })], handler: () => ({}) })`,
      /'h' uses 'blob'/,
    ],
    [
      'a route with a segment of two parts',
      `app.http('h', { route: '{a}.{b}', handler: () => ({}) })`,
      /route segment '{a}.{b}'/,
    ],
    [
      'a constraint of a route',
      `app.http('h', { route: '{a:guid}', handler: () => ({}) })`,
      /route segment '{a:guid}'/,
    ],
    [
      "a function's retry",
      `app.timer('t', { schedule: '0 0 0 1 1 *', retry: { strategy: 'fixedDelay', delayInterval: 1, maxRetryCount: 1 }, handler: () => {} })`,
      /'t' uses 'retry'/,
    ],
    ['a hook', `app.hook.preInvocation(() => {})`, /hook 'preInvocation'/],
    ['a bad schedule', `app.timer('t', { schedule: 'now', handler: () => {} })`, /schedule 'now'/],
  ] as const) {
    it(`${what} is refused when it starts`, LIMIT, async (t) => {
      await withEntry(trigger(code), async (entry) => {
        await assert.rejects(start(t, { entry }), message);
      });
    });
  }

  it('a default version in host.json is refused when it starts', LIMIT, async (t) => {
    await withEntry('', async (entry) => {
      const settings = { extensions: { durableTask: { defaultVersion: '1.0' } } };
      await writeFile(path.join(path.dirname(entry), 'host.json'), JSON.stringify(settings));
      await assert.rejects(start(t, { entry }), /defaultVersion/);
    });
  });

  describe('is answered with an error that names it', () => {
    let host: RunningHost;
    before(async () => {
      host = await startHost({ entry: DURABLE, port: 0, log: () => undefined });
    }, LIMIT);
    after(() => host.close(), LIMIT);
    const call = async (method: string, ...args: unknown[]) => {
      const response = await fetch(`${host.url}/api/client`, {
        method: 'POST',
        body: JSON.stringify({ method, args }),
      });
      return (await response.json()) as {
        readonly returned?: unknown;
        readonly threw?: { readonly message: string };
      };
    };

    for (const [orchestrator, message] of [
      ['calls-entity', 'callEntity is not supported by the local host.'],
      ['calls-http', 'callHttp is not supported by the local host.'],
      ['retry-timeout', 'retryTimeoutInMilliseconds is not supported by the local host.'],
      ['timer-7-days', 'createTimer for more than six days is not supported by the local host.'],
    ] as const) {
      it(`${orchestrator}: the instance fails`, LIMIT, async () => {
        await call('startNew', orchestrator, { instanceId: orchestrator });
        assert.equal(
          await ended(host, orchestrator),
          `Orchestrator function '${orchestrator}' failed: ${message}`,
        );
      });
    }
    it('rewind of an instance', LIMIT, async () => {
      const { threw } = await call('rewind', 'any', 'because');
      assert.match(threw?.message ?? '', /To rewind an instance is not supported by the local host/);
    });
    it('an orchestration with a version', LIMIT, async () => {
      const { threw } = await call('startNew', 'orchestrator-returns-true', { version: '1.0' });
      assert.match(threw?.message ?? '', /A version is not supported by the local host/);
    });
    it('the state of an entity', LIMIT, async () => {
      const { threw } = await call('readEntityState', { name: 'counter', key: 'one' });
      assert.match(threw?.message ?? '', /501.*An entity is not supported by the local host/);
    });
  });
});

/** The output of an instance, once it has ended. */
async function ended(host: RunningHost, id: string): Promise<unknown> {
  const { output } = await until(`${id} to end`, async () => {
    const response = await fetch(`${host.url}/runtime/webhooks/durabletask/instances/${id}`);
    const status = (await response.json()) as { readonly output: unknown };
    return response.status === 200 ? status : undefined;
  });
  return output;
}

/** Writes a module beside the apps, where it finds the libraries, for as long as `use` needs it. */
async function withEntry(code: string, use: (entry: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(fileURLToPath(new URL('./apps/tmp-', import.meta.url)));
  try {
    const entry = `${folder}/entry.mjs`;
    await writeFile(entry, code);
    await use(entry);
  } finally {
    await rm(folder, { recursive: true });
  }
}
