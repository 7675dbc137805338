import { listArchives } from '../store/archive/archives.ts';
import type { CacheContext } from '../context.ts';
import { catalogueView, type ImageView } from '../api/views.ts';

export interface CataloguePage {
  readonly images: readonly ImageView[];
  /** Pass it on to get the next page; absent on the last one. */
  readonly continuation?: string;
}

/** One page of all cached images, by blob name. */
export async function listImages(
  { storage }: CacheContext,
  page: { readonly prefix: string; readonly continuation?: string; readonly pageSize: number },
): Promise<CataloguePage> {
  const { images, continuation } = await listArchives(storage, page);
  return { images: images.map(catalogueView), ...(continuation !== undefined && { continuation }) };
}
