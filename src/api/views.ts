import type { Failure } from '../errors.ts';
import { formatPlatform, type Platform } from '../image/platform.ts';
import { canonicalReference, familiarName, type ImageReference } from '../image/reference.ts';
import type { CachedImage } from '../store/archive/archives.ts';

/** An image as every call of the service shows it. Times are ISO 8601 in UTC, sizes bytes. */
export interface ImageView {
  readonly state: 'ready' | 'pending' | 'failed' | 'absent';
  /** As the caller wrote it. */
  readonly requested: string;
  /** With Docker's defaults written out. */
  readonly image: string;
  readonly platform: string;
  readonly manifestDigest?: string;
  readonly indexDigest?: string;
  /** The config's digest: what `docker image inspect` calls Id on the classic image store. */
  readonly imageId?: string;
  /** The name under which the loaded image runs, on both of Docker's image stores. */
  readonly runRef?: string;
  /** The tag to add after loading, where the caller asked by tag. */
  readonly tagAs?: string;
  readonly blob?: string;
  readonly size?: number;
  readonly lastUsed?: string;
  readonly createdAt?: string;
  /** The registry could not be asked whether the tag still points here. */
  readonly stale?: boolean;
  readonly progress?: ProgressView;
  readonly error?: Failure;
}

export interface ProgressView {
  readonly phase: string;
  readonly stagedBytes?: number;
  readonly totalBytes?: number;
  /** Why nothing moves, and until when. */
  readonly waiting?: { readonly code: string; readonly detail: string; readonly until: string };
}

/** An image that was asked for: what the caller wrote, and what it means. */
export interface ImageRequest {
  readonly requested: string;
  readonly ref: ImageReference;
  readonly platform: Platform;
}

export function readyView(request: ImageRequest, cached: CachedImage, stale = false): ImageView {
  const { ref } = request;
  return {
    state: 'ready',
    ...identity(request),
    platform: formatPlatform(cached.platform),
    manifestDigest: cached.manifestDigest,
    ...(cached.indexDigest !== undefined && { indexDigest: cached.indexDigest }),
    imageId: cached.imageId,
    runRef: cached.runRef,
    ...(ref.tag !== undefined && { tagAs: `${familiarName(ref)}:${ref.tag}` }),
    blob: cached.blob,
    size: cached.size,
    lastUsed: cached.lastUsed,
    createdAt: cached.createdAt,
    ...(stale && { stale }),
  };
}

export function pendingView(request: ImageRequest, progress?: ProgressView): ImageView {
  return { state: 'pending', ...identity(request), ...(progress !== undefined && { progress }) };
}

export function failedView(request: ImageRequest, error: Failure): ImageView {
  return { state: 'failed', ...identity(request), error };
}

export function absentView(request: ImageRequest): ImageView {
  return { state: 'absent', ...identity(request) };
}

/** An archive by itself, as the catalogue lists it. */
export function catalogueView(cached: CachedImage): ImageView {
  const { platform, manifestDigest, indexDigest, imageId, runRef, blob, size, lastUsed, createdAt } = cached;
  return {
    state: 'ready',
    requested: cached.image,
    image: cached.image,
    platform: formatPlatform(platform),
    manifestDigest,
    ...(indexDigest !== undefined && { indexDigest }),
    imageId,
    runRef,
    blob,
    size,
    lastUsed,
    createdAt,
  };
}

function identity({
  requested,
  ref,
  platform,
}: ImageRequest): Pick<ImageView, 'requested' | 'image' | 'platform'> {
  return { requested, image: canonicalReference(ref), platform: formatPlatform(platform) };
}
