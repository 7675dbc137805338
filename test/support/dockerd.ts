import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Containerd } from './containerd.ts';
import { ctrAt } from './containerd.ts';
import type { RunOptions, RunResult } from './process.ts';
import { removeDirectory, run, startDaemon, storeDirectory } from './process.ts';
import type { System } from './system.ts';
import { machine } from './system.ts';

export interface DockerdOptions {
  /** Default: this machine's dockerd. `await trixie()` for Docker 26. */
  readonly system?: System;
  /** Where images live. Docker 20.10 has the classic store only. Default `classic`. */
  readonly store?: 'classic' | 'containerd';
  /** A data root to use and to leave there. Default: a temporary one. */
  readonly root?: string;
  readonly registryMirrors?: readonly string[];
  /** Hosts, such as `Registry.host`. Docker takes loopback addresses as insecure without being told. */
  readonly insecureRegistries?: readonly string[];
  readonly extraArgs?: readonly string[];
}

export interface Dockerd {
  /** Path of the Unix socket; `DOCKER_HOST` is `unix://` and this. */
  readonly socket: string;
  /** Runs `docker …` against it. Containers have no network other than `--network=none` or `host`. */
  readonly docker: (args: readonly string[], options?: RunOptions) => Promise<RunResult>;
  /** The containerd that the daemon runs, with its namespace `moby`. */
  readonly containerd: Pick<Containerd, 'ctr'>;
  /** The daemon's log so far. */
  readonly output: () => string;
  readonly close: () => Promise<void>;
}

/** Starts a Docker daemon that touches neither the machine's network nor another daemon. */
export async function startDockerd(options: DockerdOptions = {}): Promise<Dockerd> {
  const system = options.system ?? machine;
  const directory = await storeDirectory('docker');
  const socket = path.join(directory, 'sock');
  const configFile = path.join(directory, 'daemon.json');
  const config = {
    'data-root': options.root ?? path.join(directory, 'data'),
    'exec-root': path.join(directory, 'exec'),
    pidfile: path.join(directory, 'pid'),
    hosts: [`unix://${socket}`],
    iptables: false,
    ip6tables: false,
    bridge: 'none',
    features: options.store === 'containerd' ? { 'containerd-snapshotter': true } : {},
    'registry-mirrors': options.registryMirrors ?? [],
    'insecure-registries': options.insecureRegistries ?? [],
  };
  await writeFile(configFile, JSON.stringify(config));
  const env = { DOCKER_CONFIG: directory, DOCKER_HOST: `unix://${socket}` };
  const argv = ['dockerd', '--config-file', configFile, ...(options.extraArgs ?? [])];
  const daemon = await startDaemon(
    system.wrap(argv, options.root === undefined ? [] : [options.root]),
    (output) => output.includes('API listen on'),
    { namespaced: true },
  );
  const close = async (): Promise<void> => {
    await daemon.stop();
    await removeDirectory(directory);
  };
  const docker: Dockerd['docker'] = async (args, more = {}) => {
    const command = ['docker', ...args];
    const runOptions = { ...more, env: { ...env, ...more.env } };
    return await (system === machine ? run(command, runOptions) : system.run(command, runOptions));
  };
  if (options.store === 'containerd') {
    const { stdout } = await docker(['info', '--format', '{{.DriverStatus}}']);
    if (!stdout.includes('io.containerd.snapshotter')) {
      await close();
      throw new Error(`dockerd of ${system.name} has no containerd store: ${stdout}`);
    }
  }
  const containerdSocket = path.join(directory, 'exec', 'containerd', 'containerd.sock');
  const containerd = { ctr: ctrAt(system, containerdSocket, 'moby') };
  return { socket, docker, containerd, output: daemon.output, close };
}

/** Docker 26 may say that a container has ended before its log has what it printed: then it is asked again. */
const LOG_TRIES = 20;
/** On a busy machine it may lose all that a container of a moment printed: then another one is run. */
const RUN_TRIES = 3;

/**
 * The log of a container that has ended.
 * @param said runs `docker …`
 */
async function logOf(said: (...command: string[]) => Promise<string>, id: string): Promise<string> {
  for (let tries = 1; ; tries++) {
    const output = await said('logs', id);
    if (output !== '' || tries === LOG_TRIES) return output;
    await sleep(100);
  }
}

/**
 * What a container printed, read from its log once it has ended: a stream that is attached loses some of it on a busy
 * machine. Throws where it did not end well.
 * @param args of `docker run`
 */
export async function outputOf(docker: Dockerd['docker'], args: readonly string[]): Promise<string> {
  const said = async (...command: string[]): Promise<string> => {
    const { code, stdout, stderr } = await docker(command);
    if (code !== 0) throw new Error(`docker ${command.join(' ')}: exit status ${code}\n${stderr}${stdout}`);
    return stdout;
  };
  for (let tries = 1; ; tries++) {
    const id = (await said('run', '--detach', ...args)).trim();
    const code = (await said('wait', id)).trim();
    const output = await logOf(said, id);
    await said('rm', id);
    if (code !== '0') throw new Error(`The container ended with ${code}:\n${output}`);
    if (output !== '' || tries === RUN_TRIES) return output;
  }
}
