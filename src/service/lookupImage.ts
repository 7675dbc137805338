import { setTimeout as sleep } from 'node:timers/promises';
import { CacheError } from '../errors.ts';
import { type CachedImage, isoSeconds, readArchive, touchArchive } from '../store/archive/archives.ts';
import { readUrl } from '../store/archive/readUrl.ts';
import type { CacheContext } from '../context.ts';
import { describeImage } from './describeImage.ts';
import { type ImageRequest, type ImageView, readyView } from '../api/views.ts';
import type { Runs } from '../runs/messages.ts';

/** A lookup's image: what a node needs to fetch and run it. */
export interface LookupView extends ImageView {
  /** Reads the archive, and nothing else, until `urlExpires`. */
  readonly url?: string;
  readonly urlExpires?: string;
}

/** The longest a lookup waits for a pending image; the platform cuts a request off at 230 s. */
export const MAX_WAIT_SECONDS = 120;
const POLL_MS = 1000;

/**
 * Where a node gets an image. Asks no registry, so that it works where none can be reached. A hit counts as a use.
 * @param waitSeconds how long to wait where the image is on its way
 * @returns state ready, with a URL, or pending
 * @throws {CacheError} image_not_cached; image_cache_failed, with the cause
 */
export async function lookupImage(
  context: CacheContext,
  runs: Runs,
  request: ImageRequest,
  waitSeconds: number,
): Promise<LookupView> {
  const deadline = Date.now() + Math.min(waitSeconds, MAX_WAIT_SECONDS) * 1000;
  let view = await describeImage(context, runs, request);
  while (view.state === 'pending' && Date.now() + POLL_MS < deadline) {
    await sleep(POLL_MS);
    view = await describeImage(context, runs, request);
  }
  switch (view.state) {
    case 'ready':
      return useImage(context, request, view);
    case 'pending':
      return view;
    case 'failed':
      throw new CacheError(
        'image_cache_failed',
        `${view.image} could not be cached: ${view.error?.detail ?? 'the cause is not known.'} Ask the service to cache it again once that is mended.`,
        { cause: view.error },
      );
    case 'absent':
      throw new CacheError(
        'image_not_cached',
        `${view.image} (${view.platform}) is not cached. Ask the service to cache it: POST /api/images {"image": "${view.requested}"}.`,
      );
  }
}

/** Stamps `lastused` where the last stamp is old enough. Undefined where the archive is gone. */
export async function markUsed(
  { config, storage }: Pick<CacheContext, 'config' | 'storage'>,
  cached: CachedImage,
  now: Date,
): Promise<CachedImage | undefined> {
  const due = isoSeconds(new Date(now.getTime() - config.lastUsedResolutionSeconds * 1000));
  if (config.lastUsedResolutionSeconds !== 0 && cached.lastUsed > due) return cached;
  return touchArchive(storage, cached, now);
}

async function useImage(
  { config, storage }: CacheContext,
  request: ImageRequest,
  view: ImageView,
): Promise<LookupView> {
  const now = new Date();
  const found = view.blob === undefined ? undefined : await readArchive(storage, view.blob);
  const used = found && (await markUsed({ config, storage }, found, now));
  if (used === undefined) {
    throw new CacheError(
      'image_not_cached',
      `${view.image} was deleted a moment ago. Ask the service to cache it again.`,
    );
  }
  const { url, expires } = await readUrl(storage, used.blob, config.lookupUrlMinutes, now);
  return { ...readyView(request, used, view.stale), url, urlExpires: isoSeconds(expires) };
}
