import { MAX_WAIT_SECONDS } from '../api/limits.ts';
import { markUsed } from '../catalog/markUsed.ts';
import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import type { ImageRequest } from '../image/imageRequest.ts';
import { formatPlatform } from '../image/platform.ts';
import { canonicalReference } from '../image/reference.ts';
import type { Runs } from '../runs/messages.ts';
import { readUrl } from '../store/archive/readUrl.ts';
import { imageState, type PendingImage, type ReadyImage, withProgress } from './describeImage.ts';
import { waitForImage } from './waitForImage.ts';

/** A cached image with a way to its bytes. */
export interface UsableImage extends ReadyImage {
  /** Reads the archive, and nothing else, until `urlExpires`. */
  readonly url: string;
  readonly urlExpires: Date;
}

/**
 * Where a node gets an image. Asks no registry, so that it works where none can be reached. A hit counts as a use.
 * Of a tag that has moved, the image that it stood for is served until the new one is here, marked stale.
 * @param waitSeconds how long to wait where the image is on its way
 * @param isUse false for who only looks into it: then it is not stamped, and may be pruned meanwhile
 * @throws {CacheError} image_not_cached; image_cache_failed, with the cause
 */
export async function lookupImage(
  context: CacheContext,
  runs: Runs,
  request: ImageRequest,
  waitSeconds: number,
  isUse = true,
): Promise<UsableImage | PendingImage> {
  const deadline = Date.now() + Math.min(waitSeconds, MAX_WAIT_SECONDS) * 1000;
  let found = await imageState(context, runs, request, 'serve the older');
  if (found.state === 'pending') found = await waitForImage(context, runs, request, found, deadline);
  // While it waits, the state is enough; whoever is told to go on waiting is told how far it is.
  if (found.state === 'pending') found = await withProgress(context, found);
  const image = canonicalReference(request.ref);
  const platform = formatPlatform(request.platform);
  switch (found.state) {
    case 'ready':
      return useImage(context, image, found, isUse);
    case 'pending':
      return found;
    case 'failed':
      throw new CacheError(
        'image_cache_failed',
        `${image} could not be cached: ${found.error.detail} Ask the service to cache it again once that is mended.`,
        { cause: found.error },
      );
    case 'absent':
      throw new CacheError(
        'image_not_cached',
        `${image} (${platform}) is not cached. Ask the service to cache it: POST /api/images ${JSON.stringify({ image: request.requested, platform })}.`,
      );
  }
}

async function useImage(
  { config, storage }: CacheContext,
  image: string,
  { cached, stale }: ReadyImage,
  isUse: boolean,
): Promise<UsableImage> {
  const now = new Date();
  const used = isUse ? await markUsed(storage, cached, config.lastUsedResolutionSeconds, now) : cached;
  if (used === undefined) {
    throw new CacheError(
      'image_not_cached',
      `${image} was deleted a moment ago. Ask the service to cache it again.`,
    );
  }
  const { url, expires } = await readUrl(storage, used.blob, config.lookupUrlMinutes, now);
  return { state: 'ready', cached: used, ...(stale === true && { stale }), url, urlExpires: expires };
}
