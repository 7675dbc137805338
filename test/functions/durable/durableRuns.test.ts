import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, beforeEach, describe, it } from 'node:test';
import functions, { type InvocationContext } from '@azure/functions';
import { input } from 'durable-functions';
import manifest from '../../../package.json' with { type: 'json' };
import { durableHistory, durableRuns } from '../../../src/functions/durable/durableRuns.ts';
import { serve, type TestServer } from '../../registry/support/server.ts';

/** A status and a body, as the host's durable extension answers. */
type Answer = readonly [status: number, body: object | string];

let host: TestServer;
let answer: Answer;
before(async () => {
  host = await serve((_request, response) => {
    const [status, body] = answer;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
});
after(() => host.close());
beforeEach(() => (answer = [500, 'nothing is answered yet']));

function runs() {
  return durableRuns(invocationOf(host));
}

/** With the real client of durable-functions, as an invocation gets it. */
function invocationOf(host: TestServer): InvocationContext {
  const client = input.durableClient();
  const invocation = new functions.InvocationContext({
    functionName: 'x',
    options: { extraInputs: [client] },
  });
  invocation.extraInputs.set(client, {
    taskHubName: 'hub',
    creationUrls: {},
    managementUrls: { id: 'INSTANCEID' },
    baseUrl: host.origin,
    requiredQueryStringParameters: '',
    rpcBaseUrl: `${host.origin}/durabletask/`,
  });
  return invocation;
}

const INPUT = { image: 'docker.io/library/x:1', platform: 'linux/amd64', maxWaitHours: 1 };

/** An instance as the extension shows it. */
const instance = (runtimeStatus: string, output: unknown, customStatus: unknown = null): object => ({
  name: 'cacheImage',
  instanceId: 'id',
  createdTime: '2026-01-02T03:04:05Z',
  lastUpdatedTime: '2026-01-02T03:04:05Z',
  input: INPUT,
  output,
  customStatus,
  runtimeStatus,
});

it('the version of durable-functions whose messages are told apart is the one that is installed', () => {
  // Its errors have no code. With another version, see to it that the tests below still pass, then pin that one.
  const installed = createRequire(import.meta.url)('durable-functions/package.json') as { version: string };
  assert.equal(manifest.dependencies['durable-functions'], '3.5.0');
  assert.equal(installed.version, '3.5.0');
});

describe('starting a run', () => {
  it('joins the one that is under way under its id', async () => {
    answer = [409, 'An Orchestration instance with the status Running already exists.'];
    await runs().start('id', INPUT);
    assert.match(host.seen.at(-1)?.url ?? '', /^\/durabletask\/orchestrators\/cacheImage\/id/);
  });

  it('says that the task hub failed where it did', async () => {
    for (const failure of [
      [500, 'a defect'],
      [404, 'no such orchestrator'],
      [400, 'no'],
    ] as const) {
      answer = failure;
      await assert.rejects(runs().start('id', INPUT), { code: 'storage_unavailable', message: /x:1/ });
    }
  });
});

describe('the status of a run', () => {
  it('is unknown where there is none under the id', async () => {
    answer = [404, ''];
    assert.equal(await runs().status('id'), undefined);
  });

  it('is what the orchestration said', async () => {
    const progress = { phase: 'copying', run: 'aaaaaaaa' };
    answer = [202, instance('Running', null, progress)];
    assert.deepEqual(await runs().status('id'), { state: 'pending', progress });
    answer = [202, instance('Pending', null)];
    assert.deepEqual(await runs().status('id'), { state: 'pending' });
    answer = [200, instance('Completed', { ok: true, blob: 'x.tar' })];
    assert.deepEqual(await runs().status('id'), { state: 'succeeded' });
    const error = { code: 'registry_denied', detail: 'No.', retryable: false };
    answer = [200, instance('Completed', { ok: false, error })];
    assert.deepEqual(await runs().status('id'), { state: 'failed', error });
  });

  it('of one that ended in another way names the way and the id', async () => {
    answer = [200, instance('Failed', 'a stack')];
    const failed = await runs().status('id');
    assert.ok(failed?.state === 'failed');
    assert.equal(failed.error.code, 'internal_error');
    assert.match(failed.error.detail, /Failed.*id/);
    assert.doesNotMatch(failed.error.detail, /stack/);
    answer = [200, instance('Terminated', null)];
    const terminated = await runs().status('id');
    assert.match(terminated?.state === 'failed' ? terminated.error.detail : '', /by an operator/);
  });

  it('says that the task hub failed where it did', async () => {
    answer = [500, 'a defect'];
    await assert.rejects(runs().status('id'), { code: 'storage_unavailable' });
  });
});

describe('the list of runs', () => {
  const instanceText = (
    id: string,
    output: string,
    input = '{"image": "x:1", "platform": "linux/amd64"}',
  ): string =>
    `{"name":"cacheImage","instanceId":"${id}","runtimeStatus":"Terminated","input":${input},"customStatus":null,` +
    `"output":${output},"createdTime":"2026-11-22T06:11:04Z","lastUpdatedTime":"2026-11-22T06:11:07Z"}`;

  /** What a host that gives these pages, one after another, is understood to list. */
  async function listed(...pages: readonly string[]): Promise<string[]> {
    const asked: string[] = [];
    const lister = await serve((request, response) => {
      asked.push(request.url);
      const at = Number(request.headers['x-ms-continuation-token'] ?? 0);
      const next = at + 1 < pages.length ? String(at + 1) : '';
      response
        .writeHead(200, { 'content-type': 'application/json', 'x-ms-continuation-token': next })
        .end(pages[at]);
    });
    try {
      const ended = await durableHistory(invocationOf(lister)).endedSince(new Date('2026-11-20T00:00:00Z'));
      assert.ok(
        asked.every((url) => /createdTimeFrom=2026-11-20.*runtimeStatus=Completed,Failed/.test(url)),
        asked[0],
      );
      return ended.map(({ id, status }) => `${id} ${status.state}`);
    } finally {
      await lister.close();
    }
  }

  it('goes through every page, and leaves out what is no run of this app', async () => {
    const pages = [
      `[${instanceText('a', 'null')}]`,
      `[${instanceText('b', '"x"')},${instanceText('c', '1', 'null')}]`,
    ];
    assert.deepEqual(await listed(...pages), ['a failed', 'b failed']);
  });

  it('can be read where a run was terminated without a reason, which the host writes as no JSON', async () => {
    const broken = `[${instanceText('a', 'undefined')},${instanceText('b', JSON.stringify('"output":undefined'))}]`;
    assert.deepEqual(await listed(broken), ['a failed', 'b failed']);
    assert.deepEqual(await listed(`[${instanceText('c', 'null')}]`, broken), [
      'c failed',
      'a failed',
      'b failed',
    ]);
  });

  it('that cannot be read is the task hub that failed', async () => {
    await assert.rejects(listed('<html>'), { code: 'storage_unavailable' });
  });
});
