import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunResult, removeDirectory, run, temporaryDirectory } from '../../support/process.ts';
import { requireTools } from '../../support/tools.ts';

export const PARTS_FOLDER = fileURLToPath(new URL('../../../node/src/', import.meta.url));

/** The shells that the script has to run under, and why one cannot be tried here. */
export const SHELLS = ['dash', 'bash --posix', 'busybox sh'].map((name) => {
  const argv = name.split(' ');
  return { name, argv, skip: requireTools(argv[0] ?? name) };
});

export interface PartOptions {
  /** Default dash. */
  readonly shell?: readonly string[];
  /** Shell text of programs that go before the machine's own on PATH. */
  readonly programs?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Files that lie in $Tmp. */
  readonly files?: Readonly<Record<string, string>>;
}

/**
 * Runs shell text with these parts of the script, in a folder of its own: $Tmp and $State are there, $Docker is docker,
 * and whatever else a part wants to be set, the text sets. No more than 30 seconds.
 */
export async function withParts(
  parts: readonly string[],
  text: string,
  { shell = ['dash'], programs = {}, env = {}, files = {} }: PartOptions = {},
): Promise<RunResult> {
  const folder = await temporaryDirectory('part');
  try {
    for (const name of ['bin', 'tmp', 'state']) await mkdir(path.join(folder, name));
    for (const [name, body] of Object.entries(programs)) {
      await writeFile(path.join(folder, 'bin', name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }
    for (const [name, body] of Object.entries(files)) await writeFile(path.join(folder, 'tmp', name), body);
    const script = [
      'set -u',
      ...parts.map((name) => `. ${PARTS_FOLDER}${name}.sh`),
      'Tmp=$HERE/tmp State=$HERE/state Docker=docker',
      text,
    ].join('\n');
    await writeFile(path.join(folder, 'script'), script);
    return await run(['timeout', '30', ...shell, path.join(folder, 'script')], {
      cwd: folder,
      env: { PATH: `${path.join(folder, 'bin')}:${process.env.PATH ?? ''}`, HERE: folder, ...env },
    });
  } finally {
    await removeDirectory(folder);
  }
}
