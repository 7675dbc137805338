import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeDirectory } from './process.ts';

/** Where large test data is kept between runs; can be deleted at any time. */
export const CACHE =
  process.env.TES_IMAGE_CACHE_TEST_DATA ?? fileURLToPath(new URL('../../.cache', import.meta.url));

/** The path of a file in this folder. */
export function supportFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/**
 * A directory of the cache, made by `make` when it is not there yet. Its name has a hash of the recipe (files
 * of this folder), so a changed recipe makes it anew. Two processes at once are safe: one makes it, the other
 * waits; a directory half made by a killed process is never used.
 */
export async function madeOnce(
  name: string,
  recipe: readonly string[],
  make: (directory: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256');
  for (const file of recipe) hash.update(await readFile(supportFile(file)));
  const directory = path.join(CACHE, `${name}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(directory)) return directory;

  await mkdir(CACHE, { recursive: true });
  const unlock = await lock(`${directory}.lock`);
  try {
    if (existsSync(directory)) return directory;
    const partial = `${directory}.partial`;
    await removeDirectory(partial);
    await mkdir(partial);
    const started = Date.now();
    await make(partial);
    await rename(partial, directory);
    process.stderr.write(`made ${name} in ${Math.round((Date.now() - started) / 1000)} s\n`);
    return directory;
  } finally {
    await unlock();
  }
}

/** Holds an flock(1) until the returned function is called, or this process ends. */
async function lock(file: string): Promise<() => Promise<void>> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [answer] = (await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')])) as [unknown];
  if (!Buffer.isBuffer(answer)) throw new Error(`could not lock ${file}`);
  return async () => {
    const closed = once(holder, 'close');
    holder.stdin.end();
    await closed;
  };
}
