import { CACHE, madeOnce, supportFile } from './cache.ts';
import { must } from './process.ts';
import type { System } from './system.ts';
import { systemAt } from './system.ts';

/**
 * Debian 13 with docker.io 26.1, podman 5.4, skopeo 1.18 and containerd 1.7, to run on any machine
 * (as root). The tree is made once and never changes.
 */
export async function trixie(): Promise<System> {
  const directory = await madeOnce(
    'trixie',
    ['make-base.sh', 'install.sh', 'make-trixie.sh'],
    async (partial) => {
      await must([supportFile('make-trixie.sh'), partial, await debianBase(), CACHE]);
    },
  );
  return systemAt('Debian 13', `${directory}/tree`);
}

/** The minimal Debian 13 that `trixie` and the samtools image are made of. */
export async function debianBase(): Promise<string> {
  return await madeOnce('base', ['make-base.sh'], async (partial) => {
    await must([supportFile('make-base.sh'), partial, CACHE]);
  });
}
