import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const POLL_MS = 500;

/** Azure Functions Core Tools, where they are installed. */
export function funcOnPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => path.join(folder, 'func')).find(isExecutable);
}

export interface RunningFunc {
  readonly url: string;
  /** Settles where `func` ended by itself. */
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

/** Builds the bundle and runs it under the real host. Settings reach it through the environment. */
export async function startFunc(func: string, port: number, env: NodeJS.ProcessEnv): Promise<RunningFunc> {
  const build = spawnSync(process.execPath, ['build.mjs'], { cwd: ROOT, stdio: 'inherit' });
  if (build.status !== 0) throw new Error('The build failed; func was not started.');
  const child = spawn(func, ['start', '--port', String(port)], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...env, FUNCTIONS_WORKER_RUNTIME: 'node' },
  });
  const ended = once(child, 'exit');
  const close = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error(`func ended with exit code ${child.exitCode}.`);
    await sleep(POLL_MS);
  }
  return { url, ended, close };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/api/health`)).ok;
  } catch {
    return false;
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
