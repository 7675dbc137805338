import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CACHE, madeOnce, supportFile } from './cache.ts';
import { must, removeDirectory } from './process.ts';
import type { PushedImage } from './push.ts';
import { pushImage } from './push.ts';
import { startRegistry } from './registry.ts';
import { debianBase } from './trixie.ts';

/** What is true of `debian/samtools:1` in every registry. */
export type SamtoolsImage = Omit<PushedImage, 'reference'> & {
  /** For `startRegistry({ seed })`: a registry that has the image. */
  readonly seed: string;
};

/**
 * `debian/samtools:1`: a real Debian image of more than 300 MB in seven gzip layers, with Python, R,
 * compilers, BLAST and samtools (`samtools --version` is its command), whiteouts, links and odd modes.
 */
export async function samtoolsImage(): Promise<SamtoolsImage> {
  const recipe = ['make-base.sh', 'install.sh', 'make-samtools.sh', 'samtools.ts'];
  const directory = await madeOnce('samtools', recipe, async (partial) => {
    const work = path.join(partial, 'work');
    const seed = path.join(partial, 'seed');
    await must(['mkdir', work]);
    await must([supportFile('make-samtools.sh'), work, await debianBase(), CACHE]);
    const registry = await startRegistry({ dataDirectory: seed });
    try {
      const image = await pushImage(registry, {
        ...{ name: 'debian/samtools', tag: '1', layers: await readLayers(work) },
        config: {
          Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C.UTF-8'],
          Cmd: ['samtools', '--version'],
          WorkingDir: '/data',
          Labels: { 'org.opencontainers.image.title': 'samtools' },
        },
      });
      await writeFile(path.join(partial, 'image.json'), JSON.stringify(image));
    } finally {
      await registry.close();
    }
    await removeDirectory(work);
  });
  const image = JSON.parse(await readFile(path.join(directory, 'image.json'), 'utf8')) as PushedImage;
  return { ...image, seed: path.join(directory, 'seed') };
}

async function readLayers(directory: string) {
  const count = (await readdir(directory)).filter((name) => name.endsWith('.tar.gz')).length;
  return await Promise.all(
    Array.from({ length: count }, async (_, index) => ({
      blob: await readFile(path.join(directory, `${index + 1}.tar.gz`)),
      diffId: `sha256:${(await readFile(path.join(directory, `${index + 1}.diffid`), 'utf8')).trim()}`,
      compression: 'gzip' as const,
    })),
  );
}
