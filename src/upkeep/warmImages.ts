import { setTimeout as sleep } from 'node:timers/promises';
import { findImage } from '../catalog/findImage.ts';
import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import { type ImageRequest, parseImageRequest } from '../image/imageRequest.ts';
import { eachInParallel } from '../runs/eachInParallel.ts';
import type { Runs } from '../runs/messages.ts';
import { type ImageState, imageState } from '../service/describeImage.ts';
import { type EnsureContext, ensureImage } from '../service/ensureImage.ts';
import { type ListingFailure, type WantedImage, wantedImages } from './wantedImages.ts';

/** An image that is to be ready, and how it stands with it. In a rehearsal, absent is what would be cached. */
export interface WarmedImage extends WantedImage {
  readonly request: ImageRequest;
  readonly found: ImageState;
}

export interface WarmReport {
  readonly images: readonly WarmedImage[];
  /** Entries of WARM_REPOSITORIES that could not be listed, or not to their end. */
  readonly failures: readonly ListingFailure[];
  /** False where time was up before all had been asked for. */
  readonly complete: boolean;
}

/** Images of warm's own that are on their way at a time: all others' come first. */
const AT_ONCE = 4;
const POLL_MS = 2000;

/**
 * Caches what the settings want kept ready and is not cached, a few images at a time. It waits for each, but not for one
 * whose registry has it waiting: that goes on by itself. To be kept ready counts as a use, so that prune leaves it.
 * @param deadline in milliseconds of Date.now(): nothing new is begun after it
 */
export async function warmImages(context: EnsureContext, runs: Runs, deadline: number): Promise<WarmReport> {
  return eachWanted(context, deadline, async (request) => {
    let found: ImageState = await ensureImage(context, runs, request);
    while (found.state === 'pending' && found.progress?.phase !== 'waiting' && Date.now() < deadline) {
      await sleep(POLL_MS);
      found = await imageState(context, runs, request, 'tell of the newest');
    }
    return found;
  });
}

/** Says what warmImages() would do: registries are asked, nothing is cached and nothing counts as used. */
export async function rehearseWarming(context: CacheContext, deadline: number): Promise<WarmReport> {
  return eachWanted(context, deadline, async ({ ref, platform }) => {
    const { digest } = await context.registry.resolveManifest(ref);
    const cached = await findImage(context.storage, { ...ref, digest }, platform);
    return cached === undefined ? { state: 'absent' } : { state: 'ready', cached };
  });
}

async function eachWanted(
  context: CacheContext,
  deadline: number,
  work: (request: ImageRequest) => Promise<ImageState>,
): Promise<WarmReport> {
  const { images, failures } = await wantedImages(context);
  const warmed: WarmedImage[] = [];
  await eachInParallel(images, AT_ONCE, async (wanted) => {
    if (Date.now() >= deadline) return;
    const request = parseImageRequest(wanted.requested, undefined, context.config.defaultPlatform);
    const found = await work(request).catch(failed);
    warmed.push({ ...wanted, request, found });
  });
  const order = new Map(images.map(({ requested }, index) => [requested, index]));
  warmed.sort((one, other) => (order.get(one.requested) ?? 0) - (order.get(other.requested) ?? 0));
  return { images: warmed, failures, complete: warmed.length === images.length };
}

function failed(error: unknown): ImageState {
  if (error instanceof CacheError) return { state: 'failed', error: error.toFailure() };
  throw error;
}
