import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { ImageView, LookupView } from '../../src/api/views.ts';
import { fetchChecked } from './contract.ts';
import { eventually } from './eventually.ts';
import { removeDirectory, temporaryDirectory } from './process.ts';

/** For an image to be cached: some hundred megabytes, on a machine that is busy. */
const PATIENCE_SECONDS = 240;

const START = fileURLToPath(new URL('../../local/start.ts', import.meta.url));

/** An answer of the service: a view where it went well, else a problem. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: LookupView & {
    readonly code?: string;
    readonly detail?: string;
    readonly images?: ImageView[];
  };
  readonly text: string;
}

export interface TestService {
  readonly url: string;
  readonly pid: number;
  /** What it printed so far. */
  readonly output: () => string;
  request(method: string, path: string, body?: unknown): Promise<Answer>;
  /** POST /api/images for one image. */
  ask(image: string, more?: object): Promise<Answer>;
  /** GET /api/images until the image is no longer pending; every view seen on the way. */
  watch(image: string): Promise<ImageView[]>;
  /** Asks, waits until it is ready, and looks it up. */
  cache(image: string): Promise<LookupView>;
  /** As a power cut would. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts the service as `npm start` does, in a process of its own, on a free port.
 * @param within a command that becomes the one which is given to it
 */
export async function startTestService(
  env: Readonly<Record<string, string>>,
  dataFolder?: string,
  within: readonly string[] = [],
): Promise<TestService> {
  const folder = dataFolder ?? (await temporaryDirectory('service'));
  const [program = '', ...args]: readonly string[] = [...within, process.execPath, START];
  const child = spawn(program, args, {
    env: { ...process.env, PORT: '0', LOCAL_DATA: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const url = await readyUrl(child, () => output);

  const request = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const answer = await fetchChecked(url + path, {
      method,
      ...(body !== undefined && { body: raw ? Buffer.from(body) : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    return {
      status: answer.status,
      headers: answer.headers,
      body: (isJson ? JSON.parse(text) : {}) as Answer['body'],
      text,
    };
  };
  const ask = (image: string, more = {}): Promise<Answer> =>
    request('POST', '/api/images', { image, ...more });
  const watch = async (image: string): Promise<ImageView[]> => {
    const views: ImageView[] = [];
    await eventually(
      `${image} is no longer pending`,
      async () => {
        const { body } = await request('GET', `/api/images?${new URLSearchParams({ image }).toString()}`);
        views.push(body);
        return body.state !== 'pending';
      },
      PATIENCE_SECONDS,
    );
    return views;
  };
  const cache = async (image: string): Promise<LookupView> => {
    const asked = await ask(image);
    if (asked.status >= 400) throw new Error(`${image}: ${asked.text}`);
    const last = (await watch(image)).at(-1);
    if (last?.state !== 'ready') throw new Error(`${image}: ${JSON.stringify(last)}\n${output}`);
    return (await request('GET', `/api/lookup?${new URLSearchParams({ image }).toString()}`)).body;
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    }
  };
  return {
    url,
    pid: child.pid ?? 0,
    output: () => output,
    request,
    ask,
    watch,
    cache,
    kill: () => end('SIGKILL'),
    close: async () => {
      await end('SIGTERM');
      if (dataFolder === undefined) await removeDirectory(folder);
    },
  };
}

/** Downloads what a lookup gave the URL of. */
export async function download(url: string | undefined, file: string): Promise<void> {
  const answer = await fetch(url ?? '');
  if (!answer.ok || answer.body === null) throw new Error(`The archive was answered with ${answer.status}.`);
  await pipeline(Readable.fromWeb(answer.body), createWriteStream(file));
}

async function readyUrl(child: ChildProcess, output: () => string): Promise<string> {
  let ended = false;
  child.once('close', () => (ended = true));
  return eventually('the service is ready', () => {
    if (ended) throw new Error(`The service ended with ${child.exitCode}:\n${output()}`);
    return /^ready (\S+)$/m.exec(output())?.[1];
  });
}
