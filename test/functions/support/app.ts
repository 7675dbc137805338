import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { type HostOptions, type Observation, startHost } from 'functions-host';
import { type LoopbackRegistry, startRegistry } from '../../runs/support/loopbackRegistry.ts';
import { connectStorage, openStorage, type Storage } from '../../../src/store/storage.ts';
import { newContainer, openAzurite } from '../../support/azurite.ts';
import { fetchChecked } from '../../support/contract.ts';
import { eventually } from '../../support/eventually.ts';

type Keys = HostOptions['keys'];

const ENTRY = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

/** The app on the local host, with Azurite and some registries, in this process. */
export interface RunningApp {
  readonly url: string;
  readonly registries: readonly LoopbackRegistry[];
  /** What the app keeps its images in. */
  readonly storage: Storage;
  /** Invocations that have ended, oldest first. */
  readonly observations: readonly Observation[];
  /** What the app logged. */
  readonly log: readonly string[];
  get(path: string, query?: Readonly<Record<string, string>>): Promise<Answered>;
  /** Any request, as it is. */
  send(path: string, init?: RequestInit): Promise<Answered>;
  /** POST /api/images. */
  post(body: unknown, query?: Readonly<Record<string, string>>): Promise<Answered>;
  /** Polls a pending image until it is as wanted. */
  until(image: string, wanted: (body: Answered['body']) => boolean): Promise<Answered['body']>;
  ready(image: string): Promise<Answered['body']>;
  close(): Promise<void>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of a JSON answer. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface AppOptions {
  /** The sources unless given: the module that the host loads. */
  readonly entry?: string;
  /** Settings beside those of storage and registries. */
  readonly env?: (registries: readonly LoopbackRegistry[]) => Readonly<Record<string, string>>;
  /** That the host asks for; none without them. */
  readonly keys?: Keys;
}

export async function startApp(
  registries = 1,
  { entry = ENTRY, env = () => ({}), keys }: AppOptions = {},
): Promise<RunningApp> {
  const azurite = await openAzurite();
  const loopback = await Promise.all(Array.from({ length: registries }, startRegistry));
  const container = newContainer();
  const storage = await openStorage({ service: connectStorage(azurite.connectionString) }, container);
  // The functions' thread takes its environment from this process; the next app begins with what was there before.
  const before = { ...process.env };
  Object.assign(process.env, {
    IMAGE_STORAGE: azurite.connectionString,
    IMAGE_CONTAINER: container,
    INSECURE_REGISTRIES: loopback.map(({ hosts }) => hosts.join('+')).join(','),
    LASTUSED_RESOLUTION_SECONDS: '0',
    ...env(loopback),
  });
  const observations: Observation[] = [];
  const log: string[] = [];
  const host = await startHost({
    entry,
    port: 0,
    log: (line) => log.push(line),
    ...(keys !== undefined && { keys }),
    observe: (observation) => observations.push(observation),
  });
  const send = async (url: string, init: RequestInit = {}): Promise<Answered> => {
    const answer = await fetchChecked(host.url + url, init);
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    const body: unknown = isJson ? JSON.parse(text) : {};
    return { status: answer.status, headers: answer.headers, text, body: body as Answered['body'] };
  };
  const get: RunningApp['get'] = (target, query = {}) =>
    send(`${target}?${new URLSearchParams(query).toString()}`);
  const until: RunningApp['until'] = (image, wanted) =>
    eventually(`${image} is as wanted`, async () => {
      const { status, body, text } = await get('/api/images', { image });
      assert.equal(status, 200, text);
      if (wanted(body)) return body;
      assert.equal(body.state, 'pending', text);
      return undefined;
    });
  return {
    url: host.url,
    registries: loopback,
    storage,
    observations,
    log,
    get,
    send,
    until,
    ready: (image) => until(image, ({ state }) => state === 'ready'),
    post: (body, query = {}) =>
      send(`/api/images?${new URLSearchParams(query).toString()}`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    close: async () => {
      await host.close();
      for (const name of Object.keys(process.env))
        if (!Object.hasOwn(before, name)) Reflect.deleteProperty(process.env, name);
      Object.assign(process.env, before);
      await Promise.all(loopback.map((registry) => registry.close()));
      await azurite.close();
    },
  };
}

export function assertProblem(answer: Answered, status: number, code: string, detail: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get('content-type')?.split(';')[0], 'application/problem+json');
  assert.equal(answer.body.code, code);
  assert.match(String(answer.body.detail), detail);
  assertClean(answer);
}

/** No secret, no stack, nothing of the machine. */
export function assertClean({ text }: Answered): void {
  assert.doesNotMatch(text, /AccountKey|sig=|Bearer |node_modules|\.ts:\d|\n\s+at /);
}
