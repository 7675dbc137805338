import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RunResult } from './process.ts';
import { removeDirectory, startDaemon, storeDirectory } from './process.ts';
import type { System, SystemRunOptions } from './system.ts';
import { machine } from './system.ts';

export interface Containerd {
  readonly socket: string;
  /** Runs `ctr …` against it. Containers have no network. */
  readonly ctr: (args: readonly string[], options?: SystemRunOptions) => Promise<RunResult>;
  readonly close: () => Promise<void>;
}

/** Starts a containerd of its own, without CRI. */
export async function startContainerd(system: System = machine): Promise<Containerd> {
  const directory = await storeDirectory('containerd');
  const socket = path.join(directory, 'sock');
  const configFile = path.join(directory, 'config.toml');
  const config = [
    'version = 2',
    `root = ${JSON.stringify(path.join(directory, 'root'))}`,
    `state = ${JSON.stringify(path.join(directory, 'state'))}`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
    '[grpc]',
    `address = ${JSON.stringify(socket)}`,
  ];
  await writeFile(configFile, config.join('\n'));
  const argv = system.wrap(['containerd', '--config', configFile]);
  const daemon = await startDaemon(argv, (output) => output.includes('containerd successfully booted'), {
    namespaced: true,
  });
  return {
    socket,
    ctr: ctrAt(system, socket, 'test'),
    close: async () => {
      await daemon.stop();
      await removeDirectory(directory);
    },
  };
}

export function ctrAt(system: System, socket: string, namespace: string): Containerd['ctr'] {
  return async (args, options) =>
    await system.run(['ctr', '--address', socket, '--namespace', namespace, ...args], options);
}
