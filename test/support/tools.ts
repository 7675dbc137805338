import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/**
 * What a test needs of its machine: programs on PATH, and `root` for being root on Linux. Gives a value
 * for the `skip` option of `node:test`: false when all is there, else the reason. Throws instead of
 * skipping when the environment says `E2E=required`, so that CI cannot pass by skipping.
 */
export function requireTools(...names: readonly string[]): string | false {
  const missing = names.filter((name) => (name === 'root' ? !isLinuxRoot() : !isOnPath(name)));
  if (missing.length === 0) return false;
  const reason = `needs ${missing.join(', ')} (.ci/prepare installs the tools on Debian)`;
  if (process.env.E2E === 'required') throw new Error(reason);
  return reason;
}

function isLinuxRoot(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

function isOnPath(name: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((directory) => {
    try {
      accessSync(path.join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
