import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startAzurite } from '../../../local/azurite.ts';
import type { Observation } from '../../../local/host/functionWorker.ts';
import { startHost } from '../../../local/host/host.ts';
import { type LoopbackRegistry, startRegistry } from '../../cache/support/registry.ts';
import { removeDirectory, temporaryDirectory } from '../../support/process.ts';

const ENTRY = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

/** The app on the local host, with Azurite and some registries, in this process. */
export interface RunningApp {
  readonly url: string;
  readonly registries: readonly LoopbackRegistry[];
  /** Invocations that have ended, oldest first. */
  readonly observations: readonly Observation[];
  /** What the app logged. */
  readonly log: readonly string[];
  get(path: string, query?: Readonly<Record<string, string>>): Promise<Answered>;
  /** POST /api/images. */
  post(body: unknown, query?: Readonly<Record<string, string>>): Promise<Answered>;
  close(): Promise<void>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of a JSON answer. */
  readonly body: Readonly<Record<string, unknown>>;
}

export async function startApp(registries: number): Promise<RunningApp> {
  const directory = await temporaryDirectory('app');
  const azurite = await startAzurite(path.join(directory, 'azurite'));
  const loopback = await Promise.all(Array.from({ length: registries }, startRegistry));
  // The functions' thread takes its environment from this process.
  Object.assign(process.env, {
    IMAGE_STORAGE: azurite.connectionString,
    INSECURE_REGISTRIES: loopback.flatMap(({ hosts }) => hosts).join(','),
    LASTUSED_RESOLUTION_SECONDS: '0',
  });
  const observations: Observation[] = [];
  const log: string[] = [];
  const host = await startHost({
    entry: ENTRY,
    port: 0,
    log: (line) => log.push(line),
    observe: (observation) => observations.push(observation),
  });
  const send = async (url: string, init: RequestInit = {}): Promise<Answered> => {
    const answer = await fetch(host.url + url, init);
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    const body: unknown = isJson ? JSON.parse(text) : {};
    return { status: answer.status, headers: answer.headers, text, body: body as Answered['body'] };
  };
  return {
    url: host.url,
    registries: loopback,
    observations,
    log,
    get: (target, query = {}) => send(`${target}?${new URLSearchParams(query).toString()}`),
    post: (body, query = {}) =>
      send(`/api/images?${new URLSearchParams(query).toString()}`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    close: async () => {
      await host.close();
      await Promise.all(loopback.map((registry) => registry.close()));
      await azurite.close();
      await removeDirectory(directory);
    },
  };
}
