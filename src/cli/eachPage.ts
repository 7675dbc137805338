import type { CataloguePage } from '../api/views.ts';
import type { ImageCacheService } from './service/imageCacheService.ts';

/** The pages of the catalogue, one after the other. */
export async function* eachPage(
  service: Pick<ImageCacheService, 'list'>,
  prefix?: string,
): AsyncGenerator<CataloguePage> {
  let continuation: string | undefined;
  do {
    const page = await service.list(prefix, continuation);
    yield page;
    ({ continuation } = page);
  } while (continuation !== undefined);
}
