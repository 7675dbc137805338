import { dirname } from 'node:path';
import { tmpdir } from 'node:os';
import { supportFile } from './cache.ts';
import type { RunOptions, RunResult } from './process.ts';
import { run } from './process.ts';

/** A Linux system to run tools of: this machine, or a Debian tree (trixie.ts). */
export interface System {
  readonly name: string;
  /** Runs a command in namespaces of its own: whatever it mounts or leaves running ends with it. */
  run(argv: readonly string[], options?: SystemRunOptions): Promise<RunResult>;
  /** The command that does so, for `startDaemon` with `namespaced`. */
  wrap(argv: readonly string[], directories?: readonly string[]): string[];
}

export interface SystemRunOptions extends RunOptions {
  /** Files outside the temporary directory that the command has to reach. */
  readonly files?: readonly string[];
}

/** A system whose root directory is `tree`. Temporary directories are the same inside and outside. */
export function systemAt(name: string, tree: string): System {
  const wrap: System['wrap'] = (argv, directories = []) => [
    ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...[supportFile('enter.sh'), tree, ...new Set([tmpdir(), ...directories]), '--', ...argv],
  ];
  return {
    name,
    wrap,
    run: async (argv, { files = [], ...options } = {}) => await run(wrap(argv, files.map(dirname)), options),
  };
}

/** This machine's own tools. */
export const machine = systemAt('this machine', '/');
