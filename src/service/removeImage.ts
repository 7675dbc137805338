import { findImage } from '../catalog/findImage.ts';
import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import type { ImageRequest } from '../image/imageRequest.ts';
import { deleteArchive } from '../store/archive/archives.ts';

/** Tries where nodes use the image at the same time, each use changing what the delete is conditional on. */
const MAX_TRIES = 5;

/**
 * Deletes an image's archive, whether or not it is in use: a node that is downloading it may have to ask again.
 * @throws {CacheError} image_not_cached
 */
export async function removeImage({ storage }: CacheContext, request: ImageRequest): Promise<void> {
  const { ref, platform } = request;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const cached = await findImage(storage, ref, platform);
    if (cached === undefined) {
      throw new CacheError(
        'image_not_cached',
        `${request.requested} is not cached: there is nothing to remove.`,
      );
    }
    if (await deleteArchive(storage, cached)) return;
  }
  throw new CacheError(
    'storage_unavailable',
    `${request.requested} is in heavy use and was not removed. Try again.`,
  );
}
