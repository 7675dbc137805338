import { digestsOf, findImage } from '../catalog/findImage.ts';
import { forgetAliases, forgetDocument } from '../catalog/forgetImages.ts';
import { openArchive } from '../catalog/openArchive.ts';
import { StoreChange } from '../catalog/storeChange.ts';
import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import type { ImageRequest } from '../image/imageRequest.ts';
import { allArchives, type CachedImage, deleteArchive } from '../store/archive/archives.ts';
import { deleteHolder } from '../store/hints/layers.ts';

/** Tries where nodes use the image at the same time, each use changing what the delete is conditional on. */
const MAX_TRIES = 5;

/**
 * Deletes an image's archive and what is kept of it beside, whether or not it is in use: a node that is downloading it
 * may have to ask again. Documents that other archives need stay.
 * @throws {CacheError} image_not_cached
 */
export async function removeImage({ storage }: CacheContext, request: ImageRequest): Promise<void> {
  const { gone, layers } = await removeArchive({ storage }, request);
  const change = new StoreChange();
  change.remove(gone);
  for await (const image of allArchives(storage)) if (image.blob !== gone.blob) change.leave(image);
  await forgetAliases(storage, change);
  for (const digest of digestsOf(gone)) await forgetDocument(storage, digest, change);
  await deleteHolder(storage, gone.blob, [gone.imageId, ...layers]);
}

async function removeArchive(
  { storage }: Pick<CacheContext, 'storage'>,
  { ref, platform, requested }: ImageRequest,
): Promise<{ readonly gone: CachedImage; readonly layers: readonly Digest[] }> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const cached = await findImage(storage, ref, platform);
    if (cached === undefined)
      throw new CacheError('image_not_cached', `${requested} is not cached: there is nothing to remove.`);
    const archive = await openArchive(storage, cached);
    const deletion = await deleteArchive(storage, cached);
    if (deletion === 'deleted')
      return { gone: cached, layers: archive?.image.layers.map(({ digest }) => digest) ?? [] };
    if (deletion === 'held') {
      throw new CacheError(
        'storage_unavailable',
        `${requested} was not removed: a lease, a legal hold or a policy of the storage account holds the blob ${cached.blob}. Remove that, and try again.`,
        { retryable: false },
      );
    }
  }
  throw new CacheError('storage_unavailable', `${requested} is in heavy use and was not removed. Try again.`);
}
