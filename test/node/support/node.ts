import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { assembleScript } from '../../../node/assemble.ts';
import type { Dockerd, DockerdOptions } from '../../support/dockerd.ts';
import { outputOf, startDockerd } from '../../support/dockerd.ts';
import type { RunResult } from '../../support/process.ts';
import { removeDirectory, run, temporaryDirectory } from '../../support/process.ts';

/** The script in one file, as a node gets it. Goes with this process. */
export const SCRIPT = ((): string => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tic-script-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'tes-node');
  writeFileSync(file, assembleScript());
  return file;
})();

/** What every test of this folder needs of its machine. */
export const NODE_TOOLS = [
  'root',
  'docker',
  'dockerd',
  'docker-registry',
  'curl',
  'busybox',
  'unshare',
] as const;

/** For a whole suite of this folder, in milliseconds; no test waits longer either. */
export const SUITE_LIMIT = 900_000;

export interface Node {
  readonly dockerd: Dockerd;
  readonly docker: (...args: string[]) => Promise<string>;
  /** Runs a container of this image to its end, and gives what its log has then. */
  readonly log: (image: string, ...command: string[]) => Promise<string>;
  /** A folder of the node's own, as Batch has it: `shared`, `workitems`. */
  readonly root: string;
  /** Environment of a script on this node. */
  readonly env: Readonly<Record<string, string>>;
  tesNode(args: readonly string[], options?: TesNodeOptions): Promise<RunResult>;
  close(): Promise<void>;
}

export interface TesNodeOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default `dash`. */
  readonly shell?: readonly string[];
}

/** A compute node: a Docker daemon of its own, and folders laid out as Batch does. */
export async function startNode(serviceUrl: string, options: DockerdOptions = {}): Promise<Node> {
  const root = await temporaryDirectory('node');
  await mkdir(path.join(root, 'shared'));
  const dockerd = await startDockerd(options);
  const env = {
    DOCKER_HOST: `unix://${dockerd.socket}`,
    TES_CACHE_URL: serviceUrl,
    AZ_BATCH_NODE_ROOT_DIR: root,
    AZ_BATCH_NODE_SHARED_DIR: path.join(root, 'shared'),
    TES_NODE_RUN_OPTIONS: '--network=none',
    TES_CACHE_WAIT: '60',
  };
  const docker: Node['docker'] = async (...args) => {
    const { stdout, stderr, code } = await dockerd.docker(args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  return {
    ...{ dockerd, root, env, docker },
    log: async (...command) => (await outputOf(dockerd.docker, ['--network=none', ...command])).trim(),
    tesNode: async (args, { env: more = {}, shell = ['dash'] } = {}) =>
      await run([...shell, SCRIPT, ...args], { env: { ...env, ...more } }),
    close: async () => {
      await dockerd.close();
      await removeDirectory(root);
    },
  };
}

/** A PATH of links, in a new folder, to this machine's programs but these. */
export async function pathWithout(folder: string, ...programs: readonly string[]): Promise<string> {
  await mkdir(folder);
  for (const directory of (process.env.PATH ?? '').split(path.delimiter)) {
    for (const name of await readdir(directory).catch(() => [])) {
      if (programs.includes(name)) continue;
      await symlink(path.join(directory, name), path.join(folder, name)).catch(() => undefined);
    }
  }
  return folder;
}
