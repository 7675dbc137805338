import { findByDigest, findImage, findOlder, findWithoutHints, knownDigests } from '../catalog/findImage.ts';
import type { CacheContext } from '../context.ts';
import type { Failure } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import type { ImageRequest } from '../image/imageRequest.ts';
import { runId, type RunProgress, type Runs, type RunStatus } from '../runs/messages.ts';
import { type CachedImage, readArchive } from '../store/archive/archives.ts';
import { stagedBytes } from '../store/archive/staging.ts';

/** What an image is to the cache: there, on its way, given up, or unknown. */
export type ImageState = ReadyImage | PendingImage | FailedImage | { readonly state: 'absent' };

export interface ReadyImage {
  readonly state: 'ready';
  readonly cached: CachedImage;
  /** The tag may stand for something newer: the registry could not be asked, or what it named is not here (yet). */
  readonly stale?: true;
}

export interface PendingImage {
  readonly state: 'pending';
  readonly progress?: RunProgress;
  /** Bytes of the archive that lie in storage already, where they were counted. */
  readonly stagedBytes?: number;
}

export interface FailedImage {
  readonly state: 'failed';
  readonly error: Failure;
}

/** What is said of a tag whose newest image is not cached while an older one is. */
export type OnMovedTag = 'serve the older' | 'tell of the newest';

/**
 * The image's state, as far as the cache knows by itself: no registry is asked, `lastused` is left alone. While a run
 * is under way the repository's folder is not listed.
 */
export async function imageState(
  { storage }: CacheContext,
  runs: Runs,
  request: ImageRequest,
  onMovedTag: OnMovedTag,
): Promise<ImageState> {
  const { ref, platform } = request;
  const digests = await knownDigests(storage, ref);
  const [newest] = digests ?? [];
  const found = newest === undefined ? undefined : await findByDigest(storage, ref, newest, platform);
  if (found?.cached !== undefined) return { state: 'ready', cached: found.cached };
  const older = await findOlder(storage, ref, digests, platform);
  const stale: ReadyImage | undefined = older && { state: 'ready', cached: older, stale: true };
  if (stale !== undefined && onMovedTag === 'serve the older') return stale;
  const status = await runStatus(runs, request, newest);
  if (status?.state === 'pending') return status;
  // A run that has succeeded committed it just now, or it was deleted since.
  if (status?.state === 'succeeded') {
    const cached = await findImage(storage, ref, platform);
    if (cached !== undefined) return { state: 'ready', cached };
  }
  // Of a digest whose manifest is known no other archive can be the one; of a tag one may have been put there by hand.
  const isKnown = found?.isKnown === true;
  const isSettled = isKnown && (ref.digest !== undefined || stale !== undefined);
  const listed = isSettled ? undefined : await findWithoutHints(storage, ref, digests, platform);
  if (listed?.cached !== undefined && !isKnown) return { state: 'ready', cached: listed.cached };
  const tagged = older ?? listed?.older;
  if (tagged !== undefined && (onMovedTag === 'serve the older' || status?.state !== 'failed'))
    return { state: 'ready', cached: tagged, stale: true };
  if (listed?.isUnread === true) return { state: 'pending' };
  return status?.state === 'failed' ? status : { state: 'absent' };
}

/** The digest's own run; where the tag could not be resolved at its start, the tag's, above all if it is under way. */
async function runStatus(
  runs: Runs,
  { ref, platform }: ImageRequest,
  digest: Digest | undefined,
): Promise<RunStatus | undefined> {
  const own = digest === undefined ? undefined : await runs.status(runId({ ...ref, digest }, platform));
  if (own?.state === 'pending' || ref.digest !== undefined) return own;
  const ofTag = await runs.status(runId(ref, platform));
  return ofTag?.state === 'pending' ? ofTag : (own ?? ofTag);
}

/** The image's state, with its progress in bytes. */
export async function describeImage(
  context: CacheContext,
  runs: Runs,
  request: ImageRequest,
): Promise<ImageState> {
  const found = await imageState(context, runs, request, 'tell of the newest');
  return found.state === 'pending' ? withProgress(context, found) : found;
}

/** Counts the bytes of a pending image where they lie, so that its progress is exact. */
export async function withProgress(
  { storage }: CacheContext,
  found: PendingImage,
): Promise<PendingImage | ReadyImage> {
  const { blob, run } = found.progress ?? {};
  if (blob === undefined || run === undefined) return found;
  const bytes = await stagedBytes(storage, blob, run);
  // A commit takes the staged blocks away a moment before the run has ended.
  const cached = bytes === 0 ? await readArchive(storage, blob) : undefined;
  return cached === undefined ? { ...found, stagedBytes: bytes } : { state: 'ready', cached };
}
