import type { ImageView } from '../../api/views.ts';
import type { ImageCacheService } from '../service/imageCacheService.ts';

/** No more are of help. */
const MAX_NAMES = 200;
/** What a shell takes as it is: a service's word must not become anything else on a command line. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/;

/** Cached images whose name begins with `word`, as people write them. */
export async function imageNames(service: ImageCacheService, word: string): Promise<string[]> {
  const pages = await Promise.all(blobPrefixes(word).map((prefix) => service.list(prefix)));
  const names = pages.flatMap(({ images }) => images.map(shortName));
  const fitting = names.filter((name) => name.startsWith(word) && PLAIN.test(name));
  return [...new Set(fitting)].sort().slice(0, MAX_NAMES);
}

/**
 * How the names of their blobs begin: Docker Hub is left out of them, its own images are in `library`, and the port of
 * a host follows a `_`.
 */
function blobPrefixes(word: string): string[] {
  const repository = word.replace(/[@:][^/]*$/, '').replace(/^([^/:]+):(\d+\/)/, '$1_$2');
  return repository === ''
    ? ['']
    : repository.includes('/')
      ? [repository]
      : [repository, `library/${repository}`];
}

function shortName({ image }: ImageView): string {
  return image.replace(/^docker\.io\/(?:library\/)?/, '');
}
