import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Observation } from '../../src/worker/functionWorker.ts';
import { startHost } from '../../src/host.ts';
import type { RunningHost } from '../../src/host.ts';
import type { TypedData } from '../../src/worker/rpc.ts';
import { recordings } from '../support/fixtures.ts';
import { normaliser } from '../support/normalise.ts';
import { LIMIT, until } from '../support/waiting.ts';

interface Turn {
  readonly functionName: string;
  readonly inputTypedDataKind: string;
  readonly input: unknown;
  readonly threw: boolean;
  readonly resultTypedDataKind?: string;
  readonly result: unknown;
  readonly rpcTriggerMetadata?: unknown;
}
interface Activity {
  readonly functionName: string;
  readonly inputTypedData: unknown;
  readonly rpcTriggerMetadata: unknown;
  readonly returnTypedData?: unknown;
  readonly threw?: string;
  /** Only the recorder knew; it does not reach the host. */
  readonly threwName?: string | undefined;
}
interface Runs {
  readonly turns: readonly Turn[];
  readonly activities: readonly Activity[];
}
interface Status {
  readonly path: string;
  readonly httpStatus: number;
  readonly body: { readonly runtimeStatus: string };
}
interface Scenario extends Runs {
  readonly description: string;
  readonly orchestrator: string;
  readonly instanceId: string;
  readonly children?: Readonly<Record<string, Runs>>;
  readonly finalStatus: Status;
  readonly finalStatusWithHistory: Status;
  readonly statusWhileWaiting?: Status;
  readonly statusWhileSuspended?: Status;
  readonly statusSuspendedAfterEvent?: Status;
}
/** What a scenario's client saw on the way. */
type Seen = Pick<Scenario, 'statusWhileWaiting' | 'statusWhileSuspended' | 'statusSuspendedAfterEvent'>;

/** What the recordings abbreviate: the big string, and its JSON text inside JSON. */
const BIG = 'abcdefghij'.repeat(10_240);
const LEFT_OUT: Readonly<Record<string, string>> = {
  '<102400 characters, left out here>': BIG,
  '<102402 characters, left out here>': `\\"${BIG}\\"`,
};

const scenarios = recordings('durable') as Map<string, Scenario>;
const observations: Observation[] = [];
let host: RunningHost;

async function client(
  method: string,
  ...args: unknown[]
): Promise<{ returned?: unknown; threw?: { message: string } }> {
  const response = await fetch(`${host.url}/api/client`, {
    method: 'POST',
    body: JSON.stringify({ method, args }),
  });
  assert.equal(response.status, 200);
  return (await response.json()) as { returned?: unknown };
}

async function status(instanceId: string, query = ''): Promise<Status> {
  const response = await fetch(`${host.url}/runtime/webhooks/durabletask/instances/${instanceId}${query}`);
  const body = (await response.json()) as Status['body'];
  return { path: `GET {rpcBaseUrl}instances/${instanceId}${query}`, httpStatus: response.status, body };
}

/** Waits for a runtime status; without one, for any that is final. */
async function waitFor(instanceId: string, runtimeStatus?: string): Promise<Status> {
  return until(`${instanceId} to be ${runtimeStatus ?? 'final'}`, async () => {
    const now = await status(instanceId);
    const isRight =
      runtimeStatus === undefined ? now.httpStatus === 200 : now.body.runtimeStatus === runtimeStatus;
    return isRight ? now : undefined;
  });
}

async function turnsTaken(instanceId: string, count: number): Promise<void> {
  await until(`${count} turns of ${instanceId}`, () =>
    runsOf(instanceId).turns.length < count ? undefined : true,
  );
}

const EVENT_DATA: Readonly<Record<string, unknown>> = {
  'external-event': { a: 1 },
  'external-event-early': { a: 1 },
  'external-event-null': null,
  'external-event-number': 7,
  'external-event-string': 'a string',
  'external-event-true': true,
  'external-event-no-data': { $undefined: true },
};

/** Starts a scenario and does what its client did, to its last state. */
async function play(name: string, { orchestrator, instanceId, turns, finalStatus }: Scenario): Promise<Seen> {
  const first = turns[0]?.input as { readonly input: unknown };
  const options =
    first.input === '' && name !== 'value-empty-string' ? { instanceId } : { instanceId, input: first.input };
  assert.equal((await client('startNew', orchestrator, options)).returned, instanceId);

  if (name in EVENT_DATA) {
    const statusWhileWaiting = await waitFor(instanceId, 'Running');
    await client('raiseEvent', instanceId, 'go', EVENT_DATA[name]);
    if (finalStatus.httpStatus === 200) await waitFor(instanceId);
    return { statusWhileWaiting };
  }
  if (name === 'terminate-while-waiting') {
    const statusWhileWaiting = await waitFor(instanceId, 'Running');
    await client('terminate', instanceId, 'because');
    await waitFor(instanceId);
    return { statusWhileWaiting };
  }
  if (name === 'suspend-resume') {
    const statusWhileWaiting = await waitFor(instanceId, 'Running');
    await client('suspend', instanceId, 'pause');
    const statusWhileSuspended = await waitFor(instanceId, 'Suspended');
    await client('raiseEvent', instanceId, 'go', { a: 1 });
    await turnsTaken(instanceId, 3);
    const statusSuspendedAfterEvent = await status(instanceId);
    await client('resume', instanceId, 'carry on');
    await waitFor(instanceId);
    return { statusWhileWaiting, statusWhileSuspended, statusSuspendedAfterEvent };
  }
  if (finalStatus.httpStatus === 200) await waitFor(instanceId);
  else await waitFor(instanceId, finalStatus.body.runtimeStatus);
  return {};
}

/** What the host exchanged with the app for one instance, written as the recordings are. */
function runsOf(instanceId: string): Runs {
  const turns: Turn[] = [];
  const activities: Activity[] = [];
  for (const { functionName, request, response, error } of observations) {
    const input = request.inputData[0];
    if (input === undefined || request.triggerMetadata.instanceId?.string !== instanceId) continue;
    const { [input.name]: whole, ...metadata } = request.triggerMetadata;
    const returned = response?.returnValue;
    if ('isReplaying' in metadata) {
      turns.push({
        functionName,
        inputTypedDataKind: Object.keys(input.data).join(),
        input: JSON.parse(input.data.string ?? 'null') as unknown,
        threw: error !== undefined,
        ...(returned ? { resultTypedDataKind: Object.keys(returned).join() } : {}),
        result: error === undefined ? (JSON.parse(returned?.json ?? 'null') as unknown) : error.message,
        rpcTriggerMetadata: { '<bindingName>': '<the same string as the input>', ...metadata },
      });
    } else {
      activities.push({
        functionName,
        inputTypedData: input.data,
        rpcTriggerMetadata: { ...metadata, ...(whole === undefined ? {} : { '<bindingName>': whole }) },
        ...(error === undefined ? { returnTypedData: writeTypedData(returned) } : { threw: error.message }),
      });
    }
  }
  return { turns, activities };
}

function writeTypedData(data: TypedData | null | undefined): unknown {
  if (data === undefined) return { $undefined: true };
  if (data?.bytes) return { bytes: { base64: Buffer.from(data.bytes).toString('base64') } };
  return JSON.parse(JSON.stringify(data)) as unknown;
}

/** The recordings give trigger metadata for the first turn only, and abbreviate the big string. */
function comparable({ turns, activities }: Runs): Runs {
  return {
    turns: turns.map(({ rpcTriggerMetadata, ...turn }, index) => ({
      ...turn,
      ...(index === 0 ? { rpcTriggerMetadata } : {}),
    })),
    activities: activities
      .map((activity) => ({ ...activity, threwName: undefined }))
      .sort((a, b) =>
        JSON.stringify(a.inputTypedData) + String(a.threw) <
        JSON.stringify(b.inputTypedData) + String(b.threw)
          ? -1
          : 1,
      ),
  };
}

function spelledOut<T>(value: T): T {
  let text = JSON.stringify(value);
  for (const [mark, meant] of Object.entries(LEFT_OUT)) text = text.replaceAll(mark, meant);
  return JSON.parse(text) as T;
}

describe(
  `The durable part of the host replays ${scenarios.size} recorded scenarios`,
  { concurrency: 8 },
  () => {
    before(async () => {
      host = await startHost({
        entry: fileURLToPath(new URL('../apps/durableApp.ts', import.meta.url)),
        port: 0,
        maxConcurrentActivities: 100,
        log: () => undefined,
        observe: (observation) => observations.push(observation),
      });
    }, LIMIT);
    after(() => host.close(), LIMIT);

    for (const [name, recorded] of scenarios) {
      it(`${name}: ${recorded.description}`, LIMIT, async () => {
        const seen = await play(name, recorded);
        const { instanceId } = recorded;
        const query = '?showHistory=true&showHistoryOutput=true';
        const [here, there] = [normaliser(), normaliser()];

        const actual = comparable(runsOf(instanceId));
        const expected = comparable(spelledOut(recorded));
        assert.equal(actual.turns.length, expected.turns.length);
        for (const [index, turn] of expected.turns.entries())
          assert.deepEqual(here(actual.turns[index]), there(turn));
        assert.deepEqual(here(actual.activities), there(expected.activities));
        for (const [id, child] of Object.entries(recorded.children ?? {})) {
          const childId = id.endsWith(':0') ? childOf(actual) : id;
          assert.deepEqual(here(comparable(runsOf(childId))), there(comparable(child)));
        }
        const { finalStatus, finalStatusWithHistory } = spelledOut(recorded);
        assert.deepEqual(here(await status(instanceId)), there(finalStatus));
        assert.deepEqual(here(await status(instanceId, query)), there(finalStatusWithHistory));
        for (const [when, then] of Object.entries(seen)) {
          assert.deepEqual(here(then), there(recorded[when as keyof Seen]));
        }
      });
    }
  },
);

/** The id the host gave to a sub-orchestration without one: of the execution and its task. */
function childOf({ turns }: Runs): string {
  const { history } = turns[0]?.input as { history: { OrchestrationInstance?: { ExecutionId: string } }[] };
  return `${history[1]?.OrchestrationInstance?.ExecutionId ?? ''}:0`;
}
