import type { CataloguePage } from '../api/views.ts';
import type { ImageCache } from './service/imageCacheService.ts';

/** The pages of the catalogue, one after the other. */
export async function* eachPage(
  cache: Pick<ImageCache, 'list'>,
  prefix?: string,
): AsyncGenerator<CataloguePage> {
  let continuation: string | undefined;
  do {
    const page = await cache.list(prefix, continuation);
    yield page;
    ({ continuation } = page);
  } while (continuation !== undefined);
}
