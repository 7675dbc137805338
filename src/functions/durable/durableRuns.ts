import type { InvocationContext } from '@azure/functions';
import {
  type DurableClient,
  type DurableOrchestrationStatus,
  getClient,
  type OrchestrationFilter,
  OrchestrationRuntimeStatus,
} from 'durable-functions';
import type {
  ListedRun,
  RunHistory,
  RunInput,
  RunOutput,
  RunProgress,
  Runs,
  RunStatus,
} from '../../runs/messages.ts';
import { CacheError } from '../../errors.ts';
import { isObject } from '../../image/json.ts';
import { activeTraceparent, linkActiveSpan } from '../../telemetry/tracing.ts';

const UNDER_WAY: ReadonlySet<OrchestrationRuntimeStatus> = new Set([
  OrchestrationRuntimeStatus.Pending,
  OrchestrationRuntimeStatus.Running,
  OrchestrationRuntimeStatus.Suspended,
  OrchestrationRuntimeStatus.ContinuedAsNew,
]);
const ENDED = [
  OrchestrationRuntimeStatus.Completed,
  OrchestrationRuntimeStatus.Failed,
  OrchestrationRuntimeStatus.Terminated,
  OrchestrationRuntimeStatus.Canceled,
];

/** The orchestrations `cacheImage`, through the Durable Functions client of one invocation. */
export function durableRuns(invocation: InvocationContext): Runs {
  const client = getClient(invocation);
  return {
    start: (id, input) => startOrJoin(client, id, input),
    status: async (id) => {
      const status = await instanceStatus(client, id);
      return status === undefined ? undefined : runStatus(status);
    },
  };
}

/** What the task hub remembers, through the Durable Functions client of one invocation. */
export function durableHistory(invocation: InvocationContext): RunHistory {
  const client = getClient(invocation);
  return {
    underWay: () => listRuns(client, { runtimeStatus: [...UNDER_WAY] }),
    endedSince: (createdTimeFrom) => listRuns(client, { runtimeStatus: ENDED, createdTimeFrom }),
  };
}

/** The client asks for page after page, and has them all in memory: the filter keeps that small. */
async function listRuns(client: DurableClient, filter: OrchestrationFilter): Promise<ListedRun[]> {
  let answered: unknown;
  try {
    answered = await client.getStatusBy(filter);
  } catch (cause) {
    throw new CacheError('storage_unavailable', 'The task hub did not list its runs. Try again.', { cause });
  }
  return listed(answered).flatMap((status) => listedRun(status) ?? []);
}

/**
 * The client gives a page as text where it is no JSON: the host writes the bare word `undefined` as the output of an
 * instance that was terminated without a reason. Quotes within a JSON string are escaped, so this is no other text.
 */
function listed(answer: unknown): unknown[] {
  if (Array.isArray(answer))
    return answer.flatMap((item: unknown) => (typeof item === 'string' ? listed(item) : [item]));
  try {
    return JSON.parse(String(answer).replaceAll('"output":undefined', '"output":null')) as unknown[];
  } catch (cause) {
    throw new CacheError('storage_unavailable', "The task hub's list of runs cannot be read. Try again.", {
      cause,
    });
  }
}

/** Undefined for an instance that is none of this app's runs. */
function listedRun(instance: unknown): ListedRun | undefined {
  if (!isObject(instance) || instance.name !== 'cacheImage' || !isObject(instance.input)) return undefined;
  const { image, platform } = instance.input;
  if (typeof image !== 'string' || typeof platform !== 'string') return undefined;
  const status = instance as unknown as DurableOrchestrationStatus;
  return {
    id: status.instanceId,
    image,
    platform,
    status: runStatus(status),
    startedAt: new Date(status.createdTime),
    updatedAt: new Date(status.lastUpdatedTime),
  };
}

/**
 * The host refuses a second start while the first runs (409): that is the single flight. A run belongs to the trace of
 * the request that started it; whoever joins it gets a link.
 */
async function startOrJoin(client: DurableClient, id: string, input: RunInput): Promise<void> {
  const traceparent = activeTraceparent();
  try {
    const traced: RunInput = { ...input, ...(traceparent !== undefined && { traceparent }) };
    await client.startNew('cacheImage', { instanceId: id, input: traced });
  } catch (cause) {
    // Its state is not asked: the run may have ended since, and was joined all the same.
    if (cause instanceof Error && cause.message.includes('status code: 409')) {
      if (traceparent !== undefined) await linkRun(client, id);
      return;
    }
    throw new CacheError(
      'storage_unavailable',
      `The task hub did not take the request for ${input.image}. Try again.`,
      {
        cause,
      },
    );
  }
}

async function linkRun(client: DurableClient, id: string): Promise<void> {
  const status = await client.getStatus(id, { showInput: true }).catch(() => undefined);
  linkActiveSpan((status?.input as RunInput | null | undefined)?.traceparent);
}

/** The client throws for an instance that does not exist. */
async function instanceStatus(
  client: DurableClient,
  id: string,
): Promise<DurableOrchestrationStatus | undefined> {
  try {
    return await client.getStatus(id);
  } catch (cause) {
    if (cause instanceof Error && cause.message.includes('HTTP 404')) return undefined;
    throw new CacheError('storage_unavailable', 'The task hub did not answer. Try again.', { cause });
  }
}

function runStatus(status: DurableOrchestrationStatus): RunStatus {
  if (UNDER_WAY.has(status.runtimeStatus)) {
    const progress = status.customStatus as RunProgress | null;
    return { state: 'pending', ...(progress !== null && { progress }) };
  }
  if (status.runtimeStatus === OrchestrationRuntimeStatus.Completed) {
    const output = status.output as RunOutput;
    return output.ok ? { state: 'succeeded' } : { state: 'failed', error: output.error };
  }
  const detail =
    status.runtimeStatus === OrchestrationRuntimeStatus.Terminated
      ? 'The run was terminated by an operator. Ask for the image again.'
      : `The run ended as ${status.runtimeStatus}; the log has the cause under its id, ${status.instanceId}. Ask for the image again.`;
  return { state: 'failed', error: new CacheError('internal_error', detail).toFailure() };
}
