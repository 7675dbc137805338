import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startHost } from '../../src/host.ts';
import type { RunningHost } from '../../src/host.ts';
import { recording, recordings } from '../support/fixtures.ts';
import { normaliser } from '../support/normalise.ts';
import { startRecordingProxy } from '../support/recordingProxy.ts';
import type { Exchange, RecordingProxy } from '../support/recordingProxy.ts';
import { LIMIT, until } from '../support/waiting.ts';

interface Call {
  readonly call: string;
  readonly description: string;
  readonly clientMethod: string;
  readonly arguments: readonly unknown[];
  readonly returned?: unknown;
  readonly returnedClass?: string | null;
  readonly threw?: { readonly name: string; readonly message: string };
  readonly exchanges: readonly Exchange[];
}

const APP = fileURLToPath(new URL('../apps/durableApp.ts', import.meta.url));
const keys = { master: '<master-key>', function: '<function-key>', system: '<system-key>' };
const calls = recordings('client') as Map<string, Call>;
calls.delete('_durableClientInput');

let host: RunningHost;
let proxy: RecordingProxy;
/** While held, no orchestration takes a turn: what a client sees at once, before the host got to it. */
let held: PromiseWithResolvers<void> | undefined;

const hold = (): void => {
  held ??= Promise.withResolvers();
};
const release = (): void => {
  held?.resolve();
  held = undefined;
};

async function callClient(body: {
  method: string;
  args?: readonly unknown[];
  rpcBaseUrl?: string;
}): Promise<unknown> {
  const response = await fetch(`${host.url}/api/client`, {
    method: 'POST',
    body: JSON.stringify({ args: [], ...body }),
  });
  assert.equal(response.status, 200);
  return response.json();
}

/** Waits until each instance has the status given for it. */
function settled(statuses: Readonly<Record<string, string>>): () => Promise<void> {
  return async () => {
    release();
    for (const [id, status] of Object.entries(statuses)) {
      const url = `${host.url}/runtime/webhooks/durabletask/instances/${id}?code=${keys.system}`;
      await until(`${id} to be ${status}`, async () => {
        const text = await (await fetch(url)).text();
        return text.includes(`"runtimeStatus":"${status}"`) ? true : undefined;
      });
    }
  };
}

/** The order in which the recorded calls make sense, with what has to happen between them. */
const SEQUENCE: readonly (string | (() => Promise<void> | void))[] = [
  'getStatusAll-none',
  'getStatusAll-none-2',
  'getStatusBy-none',
  'getStatus-absent',
  'raiseEvent-absent',
  'terminate-absent',
  'suspend-absent',
  'resume-absent',
  'purgeInstanceHistory-absent',

  hold,
  'startNew-no-id',
  'startNew-given-id',
  'getStatus-just-started',
  'startNew-failing',
  'startNew-input-null',
  'startNew-input-string',
  'startNew-input-empty-string',
  'startNew-unknown-orchestrator',
  'startNew-name-of-an-activity',
  'startNew-running',
  'startNew-running-2',
  'startNew-to-terminate',
  settled({
    'c-done': 'Completed',
    'c-fail': 'Failed',
    'c-null': 'Completed',
    'c-str': 'Completed',
    'c-estr': 'Completed',
    'c-unk': 'Failed',
    'c-act': 'Failed',
    'c-run': 'Running',
    'c-run2': 'Running',
    'c-term': 'Running',
  }),
  'getStatus-empty-id',
  'getStatus-completed',
  'getStatus-completed-showHistory',
  'getStatus-completed-showHistory-output',
  'getStatus-completed-showInput-false',
  'getStatus-failed',
  'getStatus-failed-showHistory',
  'getStatus-unknown-orchestrator',
  'getStatus-running',
  'getStatus-running-showHistory',
  'startNew-duplicate-running',
  'startNew-duplicate-running-other-orchestrator',
  'raiseEvent-completed',
  'raiseEvent-failed',
  'terminate-completed',
  'terminate-failed',
  'suspend-completed',

  hold,
  'raiseEvent-running',
  'getStatus-after-raiseEvent-at-once',
  'terminate-running',
  'getStatus-after-terminate-at-once',
  'raiseEvent-running-unawaited',
  'raiseEvent-running-string',
  'raiseEvent-running-number',
  'raiseEvent-running-true',
  'raiseEvent-running-null',
  'raiseEvent-running-array',
  'raiseEvent-running-undefined',
  'suspend-running',
  settled({ 'c-run': 'Completed', 'c-term': 'Terminated', 'c-run2': 'Suspended' }),
  'getStatus-after-raiseEvent',
  'getStatus-terminated',
  'getStatus-terminated-showHistory',
  'terminate-terminated',
  'getStatus-suspended',
  'startNew-duplicate-suspended',
  'resume-suspended',
  'terminate-running-2',
  settled({ 'c-run2': 'Terminated' }),
  'getStatus-terminated-reason-digits',

  'getStatusAll',
  'getStatusBy-empty-filter',
  'getStatusBy-runtimeStatus',
  'getStatusBy-time-range',
  'getStatusBy-future',

  'startNew-id-of-completed',
  settled({ 'c-done': 'Completed' }),
  'getStatus-restarted-completed',
  'startNew-id-of-failed',
  settled({ 'c-fail': 'Completed' }),
  'getStatus-restarted-failed',
  'startNew-id-of-terminated',
  settled({ 'c-term': 'Completed' }),
  'getStatus-restarted-terminated',

  hold,
  'startNew-running-3',
  'startNew-duplicate-pending',
  settled({ 'c-run3': 'Running' }),
  'purgeInstanceHistory-existing',
  'getStatus-purged',
  'purgeInstanceHistory-running',
  'getStatus-after-purge-running',
  'purgeInstanceHistoryBy-no-time',
  'purgeInstanceHistoryBy-empty-filter',
  'purgeInstanceHistoryBy-nothing',
  'purgeInstanceHistoryBy-terminated',
  'purgeInstanceHistoryBy-running',
  'purgeInstanceHistoryBy-all-finished',

  'startNew-id-with-special-chars',
  'startNew-id-with-hash',
  'startNew-id-with-slash',
  'startNew-id-with-encoded-slash',
  'startNew-id-starting-with-at',
  'startNew-id-101-chars',
  'startNew-id-long',
  settled({ 'a%20b:c@d': 'Completed', a: 'Completed', '@ab': 'Completed', ['x'.repeat(101)]: 'Completed' }),
  'getStatus-id-with-special-chars',
  'getStatus-id-with-special-chars-existing',
  'getStatus-id-with-hash',

  'createCheckStatusResponse',
  'createHttpManagementPayload',
  hold,
  'startNew-for-wait',
  'waitForCompletionOrCreateCheckStatusResponse',
  'startNew-running-9',
  settled({ 'c-run9': 'Running' }),
  'terminate-no-reason',
  settled({ 'c-run9': 'Terminated' }),
  'getStatus-terminated-no-reason',
  'getStatusAll-with-terminated-no-reason',
  async () => {
    await callClient({ method: 'purgeInstanceHistory', args: ['c-run9'] });
  },
  'getStatusAll-last',
];

/** Lists in the order of ids as they read here; without the instance that the real host was still busy with. */
function sorted(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const instances = value as { readonly instanceId: string; readonly runtimeStatus: string }[];
  return instances
    .filter(({ instanceId }) => instanceId !== 'c-act')
    .sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
}

function withoutEmptyLength({ request, response }: Exchange): Exchange {
  const headers = Object.entries(request.headers).filter(
    ([name, value]) => name !== 'content-length' || value !== '0',
  );
  return { request: { ...request, headers: Object.fromEntries(headers) }, response };
}

/** Takes out what differs without being a difference: names of this run, and which functions there are. */
function comparable({ returned, returnedClass, threw, exchanges }: Call): unknown {
  const text = JSON.stringify({
    returned,
    ...(typeof returnedClass === 'string' && returnedClass !== 'HttpResponse' ? { returnedClass } : {}),
    // The message of one call ends with a list of all instances.
    threw: threw && { ...threw, message: threw.message.replace(/(Initializer received: \[).*/, '$1') },
    // However often the client had to ask while it waited.
    exchanges: (exchanges.length > 2
      ? exchanges.filter((_, index) => index % (exchanges.length - 1) === 0)
      : exchanges
    ).map(withoutEmptyLength),
  })
    .replace(/taskHub(Name)?(=|":")\w+/g, 'taskHub$1$2<hub>')
    .replace(/(known orchestrator functions: )('[\w-]+'(, )?)+/g, '$1<names>');
  const call = normaliser()(JSON.parse(text) as Call);
  return {
    ...call,
    returned: sorted(call.returned),
    exchanges: call.exchanges.map(({ request, response }) => ({
      request,
      response: { ...response, bodyJson: sorted(response.bodyJson) },
    })),
  };
}

describe(`The local RPC API replays ${calls.size} recorded calls of the durable client`, () => {
  before(async () => {
    host = await startHost({
      entry: APP,
      port: 0,
      log: () => undefined,
      keys,
      beforeTurn: () => held?.promise,
    });
    const { rpcBaseUrl } = (await callClient({ method: 'input' })) as { rpcBaseUrl: string };
    // The client that waits for a completion has to find it pending first.
    proxy = await startRecordingProxy(new URL(rpcBaseUrl).origin, () => {
      if (waiting) release();
    });
  }, LIMIT);
  after(async () => {
    release();
    await proxy.close();
    await host.close();
  }, LIMIT);
  let waiting = false;

  it('knows every recorded call', LIMIT, () => {
    assert.deepEqual(SEQUENCE.filter((step) => typeof step === 'string').sort(), [...calls.keys()].sort());
  });

  it('gives the recorded client input', LIMIT, async () => {
    const { input } = recording('client/_durableClientInput.json') as { readonly input: unknown };
    const expected = { ...calls.values().next().value, returned: input } as Call;
    const actual = { ...expected, returned: await callClient({ method: 'input' }) };
    assert.deepEqual(comparable(actual), comparable(expected));
  });

  let prepare: (() => Promise<void> | void)[] = [];
  for (const step of SEQUENCE) {
    if (typeof step !== 'string') {
      prepare.push(step);
      continue;
    }
    const recorded = calls.get(step);
    assert.ok(recorded, step);
    const steps = prepare;
    prepare = [];
    it(`${step}: ${recorded.description}`, LIMIT, async () => {
      for (const before of steps) await before();
      waiting = recorded.clientMethod.startsWith('waitForCompletion');
      const rpcBaseUrl = `${proxy.url}/durabletask/`;
      const outcome = (await callClient({
        method: recorded.clientMethod,
        args: recorded.arguments,
        rpcBaseUrl,
      })) as Call;
      assert.deepEqual(comparable({ ...outcome, exchanges: proxy.take() }), comparable(recorded));
    });
  }
});

describe('The list of instances', () => {
  it('comes in pages, in the order of ids', LIMIT, async (t) => {
    const host = await startHost({ entry: APP, port: 0, log: () => undefined });
    t.after(() => host.close());
    const api = `${host.url}/runtime/webhooks/durabletask`;
    const ids = ['a', 'B', 'b', 'c', 'd'];
    for (const id of ids)
      await fetch(`${api}/orchestrators/orchestrator-returns-true/${id}`, { method: 'POST', body: '1' });
    const pages: string[][] = [];
    let token = '';
    do {
      const page = await fetch(`${api}/instances?top=2`, { headers: { 'x-ms-continuation-token': token } });
      pages.push(((await page.json()) as { instanceId: string }[]).map(({ instanceId }) => instanceId));
      token = page.headers.get('x-ms-continuation-token') ?? '';
    } while (token !== '');
    assert.deepEqual(pages, [['B', 'a'], ['b', 'c'], ['d']]);
  });
});
