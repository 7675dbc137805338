/** The host's side of the worker: starts the thread that holds the app, and invokes functions in it. */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Environment } from '../hostJson.ts';
import type {
  FromWorker,
  FunctionMetadata,
  InvocationRequest,
  InvocationResponse,
  RemoteError,
  ThreadData,
  ToWorker,
} from './rpc.ts';

/** For the hooks of an app that ends; the real host gives it some ten seconds in all. */
const TERMINATE_MS = 8000;

/** What was thrown in the worker, with its stack there. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';
  readonly remote: RemoteError;
  constructor(remote: RemoteError) {
    super(remote.message);
    this.remote = remote;
    this.stack = remote.stack;
  }
}

/** One invocation as the host sent and received it; for those who want to look on. */
export interface Observation {
  readonly functionName: string;
  readonly request: InvocationRequest;
  readonly response?: InvocationResponse;
  readonly error?: RemoteError;
}

export interface FunctionWorker {
  readonly functions: readonly FunctionMetadata[];
  /** Where the worker takes HTTP requests itself; set when the app called `app.setup({ enableHttpStream: true })`. */
  readonly httpUri: string | undefined;
  /** Rejects with FunctionError when the function threw. */
  invoke(
    functionName: string,
    request: InvocationRequest,
    invocationId?: string,
  ): Promise<InvocationResponse>;
  /** Settles, with the reason, when the thread ends by itself. */
  readonly ended: Promise<Error>;
  close(): Promise<void>;
}

interface Waiting {
  resolve(response: InvocationResponse): void;
  reject(error: Error): void;
}

/**
 * MiB for new objects. By itself V8 takes some 115 for a thread that handles many buffers, and gives none of them back,
 * beside all that the process has for the host.
 */
const YOUNG_GENERATION_MB = 32;

/** Rejects when the entry cannot be loaded, with the error it threw. */
export async function startWorker(
  data: ThreadData,
  env: Environment,
  log: (line: string) => void,
  observe: (observation: Observation) => void = () => undefined,
): Promise<FunctionWorker> {
  const thread = new Worker(new URL('./functionsThread.ts', import.meta.url), {
    workerData: data,
    env,
    // Not the flags this process was started with: they may be for its own script only.
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    stdout: true,
    stderr: true,
  });
  // What the app prints is a part of the log, as with the real host.
  for (const stream of [thread.stdout, thread.stderr]) createInterface({ input: stream }).on('line', log);
  const waiting = new Map<string, Waiting>();
  let ended: Error | undefined;
  const endedByItself = Promise.withResolvers<Error>();
  const terminated = Promise.withResolvers<undefined>();

  function end(reason: Error): void {
    if (ended === undefined) endedByItself.resolve(reason);
    ended ??= reason;
    for (const invocation of waiting.values()) invocation.reject(ended);
    waiting.clear();
    terminated.resolve(undefined);
  }

  const ready = await new Promise<Extract<FromWorker, { type: 'ready' }>>((resolve, reject) => {
    thread.on('error', (error) => {
      const reason = error instanceof Error ? error : new Error(String(error));
      log(`error: The functions' thread ended: ${reason.stack ?? reason.message}`);
      end(new Error(`The functions' thread ended (${reason.message}). Restart the host.`, { cause: error }));
      reject(reason);
    });
    thread.on('exit', (code) => {
      end(new Error(`The functions' thread has ended (exit code ${code}). Restart the host.`));
      reject(new Error(`${data.entry} ended while it was being loaded (exit code ${code}).`));
    });
    thread.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'ready':
          return resolve(message);
        case 'failed':
          void thread.terminate();
          return reject(
            new Error(`${data.entry} could not be loaded: ${message.error.message}`, {
              cause: new FunctionError(message.error),
            }),
          );
        case 'terminated':
          return terminated.resolve(undefined);
        case 'log':
          return log(`${message.level}: ${message.message}`);
        case 'returned':
          waiting.get(message.invocationId)?.resolve(message.response);
          return void waiting.delete(message.invocationId);
        case 'threw':
          waiting.get(message.invocationId)?.reject(new FunctionError(message.error));
          return void waiting.delete(message.invocationId);
      }
    });
  });

  async function invoke(
    functionName: string,
    request: InvocationRequest,
    invocationId: string = randomUUID(),
  ) {
    if (ended !== undefined) throw ended;
    const message: ToWorker = { type: 'invoke', invocationId, functionName, request };
    const outcome = new Promise<InvocationResponse>((resolve, reject) => {
      waiting.set(invocationId, { resolve, reject });
      thread.postMessage(message);
    });
    try {
      const response = await outcome;
      observe({ functionName, request, response });
      return response;
    } catch (error) {
      if (error instanceof FunctionError) observe({ functionName, request, error: error.remote });
      throw error;
    }
  }

  return {
    functions: ready.functions,
    httpUri: ready.capabilities.HttpUri,
    invoke,
    ended: endedByItself.promise,
    close: async () => {
      const isRunning = ended === undefined;
      ended ??= new Error('The host is closing.');
      if (isRunning) {
        thread.postMessage({ type: 'terminate' } satisfies ToWorker);
        const stop = new AbortController();
        const late = sleep(TERMINATE_MS, undefined, { signal: stop.signal }).catch(() => undefined);
        await Promise.race([terminated.promise, late]);
        stop.abort();
      }
      await thread.terminate();
    },
  };
}
