/**
 * The worker's side: loads the app in a thread of its own and runs its functions when the host asks. A thread,
 * because the libraries keep state in their modules (and an HTTP server without a handle): ending the
 * thread is the one way to leave nothing behind, and to load an app twice in one process.
 */
import { registerHooks } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { bodyToFinish, watchBodies } from './brokenBodies.ts';
import { registry } from './coreApi.ts';
import type { CoreContext } from './coreApi.ts';
import type { FromWorker, RemoteError, ThreadData, ToWorker } from './rpc.ts';

const CORE_MODULE = new URL('./coreApi.ts', import.meta.url).href;

const { entry, functionTimeoutMs } = workerData as ThreadData;
const port = parentPort;
if (port === null) throw new Error('functionsThread.ts runs as a worker thread of the host only.');
const send = (message: FromWorker): void => port.postMessage(message);

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@azure/functions-core'
      ? { url: CORE_MODULE, shortCircuit: true }
      : next(specifier, context),
});
registry.log = (level, message) => {
  // The libraries' own debug and trace lines are for those who work on the libraries.
  if (level !== 'debug' && level !== 'trace') send({ type: 'log', level, message });
};

function toRemoteError(thrown: unknown): RemoteError {
  if (thrown instanceof Error) {
    return { name: thrown.name, message: thrown.message, stack: thrown.stack ?? thrown.message };
  }
  const message =
    typeof thrown === 'string' ? thrown : ((JSON.stringify(thrown) as string | undefined) ?? 'undefined');
  return { name: 'Error', message, stack: message };
}

async function terminate(): Promise<void> {
  for (const hook of registry.terminateHooks) {
    try {
      await hook({ hookData: {}, appHookData: {} });
    } catch (thrown) {
      send({
        type: 'log',
        level: 'error',
        message: `A hook appTerminate failed: ${toRemoteError(thrown).stack}`,
      });
    }
  }
  send({ type: 'terminated' });
}

async function invoke({
  invocationId,
  functionName,
  request,
}: Extract<ToWorker, { type: 'invoke' }>): Promise<void> {
  try {
    const registered = registry.functions.get(functionName.toLowerCase());
    if (registered === undefined || registry.model === undefined)
      throw new Error(`No function '${functionName}'.`);
    const core: CoreContext = {
      invocationId,
      request,
      metadata: registered.metadata,
      log: (level, _category, message) =>
        send({ type: 'log', level, message: `${functionName}: ${message}` }),
    };
    const model = registry.model.getInvocationModel(core);
    const { context, inputs } = await model.getArguments();

    const result = await model.invokeFunction(context, inputs, registered.handler);
    await withinFunctionTimeout(functionName, bodyToFinish(invocationId));
    send({ type: 'returned', invocationId, response: await model.getResponse(context, result) });
  } catch (thrown) {
    send({ type: 'threw', invocationId, error: toRemoteError(thrown) });
  }
}

/** What the real host does with an invocation that does not end; it restarts the worker as well. */
async function withinFunctionTimeout(functionName: string, end: Promise<void> | undefined): Promise<void> {
  if (end === undefined) return;
  const stopped = new AbortController();
  const timeout = sleep(functionTimeoutMs, undefined, { signal: stopped.signal }).then(
    () => {
      throw new Error(
        `Timeout value of ${functionTimeoutMs / 1000} s exceeded by function '${functionName}'.`,
      );
    },
    () => undefined,
  );
  await Promise.race([end, timeout]);
  stopped.abort();
}

async function start(entry: string): Promise<void> {
  await import(pathToFileURL(entry).href);
  if (registry.model === undefined) throw new Error(`${entry} registered no function.`);
  const capabilities = await registry.model.getCapabilities({});
  port?.on(
    'message',
    (message: ToWorker) => void (message.type === 'invoke' ? invoke(message) : terminate()),
  );
  send({ type: 'ready', functions: [...registry.functions.values()].map((f) => f.metadata), capabilities });
}

watchBodies();
start(entry).catch((thrown: unknown) => send({ type: 'failed', error: toRemoteError(thrown) }));
