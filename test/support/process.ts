import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { eventually } from './eventually.ts';

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text for standard input. */
  readonly input?: string;
  /** A file for standard input. */
  readonly inputFile?: string;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status; 128 when a signal ended the process. */
  readonly code: number;
}

/** Runs a command to its end. A non-zero exit status is a result, not an error. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const closed = once(child, 'close') as Promise<[number | null]>;
  // A reader that has seen enough closes its standard input early: its exit status tells, not EPIPE.
  if (options.inputFile === undefined) {
    child.stdin.on('error', () => undefined).end(options.input ?? '');
  } else {
    pipeline(createReadStream(options.inputFile), child.stdin).catch(() => undefined);
  }
  const [code] = await closed;
  return {
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
    code: code ?? 128,
  };
}

/** Runs a command that has to succeed and returns its standard output. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { stdout, stderr, code } = await run(argv, options);
  if (code !== 0) throw new Error(`${argv.join(' ')}\nexit status ${code}\n${stderr}${stdout}`);
  return stdout;
}

export interface Daemon {
  /** Everything it printed so far, both streams. */
  readonly output: () => string;
  /** SIGTERM, then SIGKILL after ten seconds; returns when the process is gone. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts a long-running process and waits until `ready` says so. It dies with this process, even when
 * this process is killed. With `namespaced`, argv is a `System.wrap` (system.ts): the process to stop is
 * the one inside the namespaces.
 */
export async function startDaemon(
  argv: readonly string[],
  ready: (output: string) => boolean | Promise<boolean>,
  options: { readonly env?: Readonly<Record<string, string>>; readonly namespaced?: boolean } = {},
): Promise<Daemon> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const closed = once(child, 'close');
  closed.catch(() => undefined); // a command that could not be started shows as ended
  const ended = (): boolean =>
    child.pid === undefined || child.exitCode !== null || child.signalCode !== null;

  const stop = async (): Promise<void> => {
    if (child.pid === undefined || ended()) return;
    const target = options.namespaced === true ? await firstChild(child.pid) : child.pid;
    if (target !== undefined) signal(target, 'SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), target === undefined ? 0 : 10_000);
    await closed;
    clearTimeout(killer);
  };

  try {
    await eventually(`${argv.join(' ')} is ready`, () => {
      if (ended()) throw new Error(`${argv.join(' ')} ended`);
      return ready(output);
    });
  } catch (error) {
    await stop();
    throw new Error(`${(error as Error).message}\n${output.slice(-4000)}`, { cause: error });
  }
  return { output: () => output, stop };
}

async function firstChild(pid: number): Promise<number | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const first = Number.parseInt(children, 10);
  return Number.isNaN(first) ? undefined : first;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already.
  }
}

/** A new temporary directory. Its path is short: a Unix socket's path may have 107 bytes at most. */
export async function temporaryDirectory(name: string): Promise<string> {
  return await mkdtemp(path.join(tmpdir(), `tic-${name}-`));
}

const MEMORY = '/dev/shm';

/**
 * A temporary directory for a store of images. Unpacking a large image into memory takes half the time,
 * so it is there where memory is plenty. What killed processes left there is removed first.
 */
export async function storeDirectory(name: string): Promise<string> {
  if (!existsSync(MEMORY)) return await temporaryDirectory(name);
  for (const entry of await readdir(MEMORY)) {
    const pid = /^tic-\w+-(\d+)-/.exec(entry)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await removeDirectory(path.join(MEMORY, entry));
  }
  const { bavail, bsize } = await statfs(MEMORY);
  if (Math.min(freemem(), bavail * bsize) < 8 * 2 ** 30) return await temporaryDirectory(name);
  return await mkdtemp(path.join(MEMORY, `tic-${name}-${process.pid}-`));
}

/** Removes a directory and everything in it. */
export async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}
