/**
 * A stand-in for the Azure Functions host on one machine: it loads the app as it is, with the real
 * `@azure/functions` and `durable-functions`, and answers HTTP, runs timers and keeps orchestrations in memory.
 * The package's README.md says how true it is to the real one, and where it is not.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { ClientApi } from './durable/clientApi.ts';
import { clientInput } from './durable/clientInput.ts';
import { TaskHub } from './durable/taskHub.ts';
import { createInvoker } from './worker/invoker.ts';
import { startWorker } from './worker/functionWorker.ts';
import type { Observation } from './worker/functionWorker.ts';
import { readHostJson } from './hostJson.ts';
import type { Environment } from './hostJson.ts';
import { createPublicServer, createRpcServer } from './http/httpServer.ts';
import type { Keys } from './http/keys.ts';
import { createRoutes } from './http/router.ts';
import { Timers } from './timers/timers.ts';

export type { Observation };

/** Others on the network cannot reach the host. */
const HOSTNAME = '127.0.0.1';

export interface HostOptions {
  /** Absolute path of the module whose import registers the functions. */
  readonly entry: string;
  /** 0 for any free port. */
  readonly port: number;
  /** How many activities run at once; default: what host.json says, else 4. */
  readonly maxConcurrentActivities?: number;
  readonly log?: (line: string) => void;
  /** The app's environment, which holds its settings; this process's own unless given. */
  readonly env?: Environment;
  /** Keys to ask for. Without them all functions are open, as with Core Tools. */
  readonly keys?: Keys;
  /** Milliseconds until the host gives up on a function that cannot answer any more (streams on); 240 s. */
  readonly unansweredAfterMs?: number;
  /** Awaited before each turn of an orchestration: holds its queue, which the real host is slower to read. */
  readonly beforeTurn?: () => Promise<void> | void;
  /** Hears of each invocation when it has ended. */
  readonly observe?: (observation: Observation) => void;
}

export interface RunningHost {
  readonly url: string;
  readonly port: number;
  /** Settles, with the reason, when the app's thread ends by itself. Nothing is answered from then on; close the host. */
  readonly ended: Promise<Error>;
  /** Ends everything: no server, timer or thread is left running. */
  close(): Promise<void>;
}

/** Rejects when the port is taken, the entry cannot be loaded, or asks for what is not supported here. */
export async function startHost(options: HostOptions): Promise<RunningHost> {
  const { entry, log = console.error, env = process.env, keys, observe } = options;
  const settings = readHostJson(entry, env);
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };

  try {
    const server = http.createServer(notReady);
    const port = await listen(server, options.port);
    closers.push(() => stop(server));
    const rpcServer = http.createServer();
    const rpcPort = await listen(rpcServer, 0);
    closers.push(() => stop(rpcServer));

    const url = `http://${HOSTNAME}:${port}`;
    const appEnv = { ...env, WEBSITE_HOSTNAME: new URL(url).host };
    const worker = await startWorker(
      { entry, functionTimeoutMs: settings.functionTimeoutMs },
      appEnv,
      log,
      observe,
    );
    closers.push(() => worker.close());

    const links = { taskHubName: settings.hubName, systemKey: keys?.system };
    const rpcBaseUrl = `http://${HOSTNAME}:${rpcPort}/durabletask/`;
    const invoke = createInvoker(worker, clientInput(url, rpcBaseUrl, links));
    const hub = new TaskHub(worker.functions, invoke, {
      maxConcurrentActivities: options.maxConcurrentActivities ?? settings.maxConcurrentActivities ?? 4,
      beforeTurn: options.beforeTurn ?? (() => undefined),
      log,
    });
    closers.push(() => hub.close());
    const api = new ClientApi(hub, links);

    const timers = new Timers(worker.functions, invoke, { log, env });
    closers.push(() => timers.close());
    server.off('request', notReady);
    createPublicServer(server, {
      functions: worker.functions,
      httpUri: worker.httpUri,
      invoke,
      routes: createRoutes(worker.functions, settings.routePrefix, log),
      keys,
      api,
      timers,
      unansweredAfterMs: options.unansweredAfterMs ?? 240_000,
      log,
    });
    createRpcServer(rpcServer, api);
    timers.start();
    return { url, port, ended: worker.ended, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What a client gets while the app is being loaded. */
function notReady(_request: http.IncomingMessage, response: http.ServerResponse): void {
  response.writeHead(503, { 'content-length': 0, 'retry-after': '1' }).end();
}

function listen(server: http.Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`Port ${port} of ${HOSTNAME} is in use.`, { cause: error })
          : error,
      ),
    );
    server.listen(port, HOSTNAME, () => resolve((server.address() as AddressInfo).port));
  });
}

function stop(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
