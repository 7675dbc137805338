import type { ImageView, LookupView, PartialView, ProgressView } from '../../api/views.ts';
import type { ByteRange } from '../../archive/ranges.ts';
import type { ImageRequest } from '../../image/imageRequest.ts';
import { formatPlatform } from '../../image/platform.ts';
import { canonicalReference, familiarName } from '../../image/reference.ts';
import type { ImageState, PendingImage } from '../../service/describeImage.ts';
import type { UsableImage } from '../../service/lookupImage.ts';
import type { PartialArchive } from '../../service/partialLookup.ts';
import { isoSeconds } from '../../store/archive/archiveMetadata.ts';
import type { CachedImage } from '../../store/archive/archives.ts';

/** What the use cases found, as callers see it. */

export function imageView(request: ImageRequest, found: ImageState): ImageView {
  const { requested, ref, platform } = request;
  const identity = { requested, image: canonicalReference(ref), platform: formatPlatform(platform) };
  switch (found.state) {
    case 'ready':
      return {
        ...archiveView(found.cached),
        ...identity,
        platform: formatPlatform(found.cached.platform),
        ...(ref.tag !== undefined && { tagAs: `${familiarName(ref)}:${ref.tag}` }),
        ...(found.stale === true && { stale: true }),
      };
    case 'pending': {
      const progress = progressView(found);
      return { state: 'pending', ...identity, ...(progress !== undefined && { progress }) };
    }
    case 'failed':
      return { state: 'failed', ...identity, error: found.error };
    case 'absent':
      return { state: 'absent', ...identity };
  }
}

/** An archive by itself, as the catalogue lists it. */
export function archiveView(cached: CachedImage): ImageView {
  const { image, platform, manifestDigest, indexDigest, imageId, runRef } = cached;
  const { blob, size, lastUsed, createdAt } = cached;
  return {
    state: 'ready',
    requested: image,
    image,
    platform: formatPlatform(platform),
    manifestDigest,
    ...(indexDigest !== undefined && { indexDigest }),
    imageId,
    runRef,
    blob,
    size,
    lastUsed,
    createdAt,
    ...notesOf(cached),
  };
}

/** Docker's classic image store stacks no more. https://github.com/moby/moby/blob/v28.5.2/layer/layer_store.go */
const CLASSIC_MAX_LAYERS = 125;

/** What an archive cannot be loaded with, though it is right. */
function notesOf({ layerCount = 0, compression = '' }: CachedImage): Pick<ImageView, 'notes'> {
  const notes = [
    ...(compression.split('+').includes('zstd')
      ? ['Its layers are zstd: Docker older than 23.0 cannot load it.']
      : []),
    ...(layerCount > CLASSIC_MAX_LAYERS
      ? [
          `It has ${layerCount} layers: Docker's classic image store takes ${CLASSIC_MAX_LAYERS}, the containerd image store more.`,
        ]
      : []),
  ];
  return notes.length === 0 ? {} : { notes };
}

export function lookupView(request: ImageRequest, found: UsableImage | PendingImage): LookupView {
  if (found.state === 'pending') return imageView(request, found);
  const { url, urlExpires } = found;
  return { ...imageView(request, found), url, urlExpires: isoSeconds(urlExpires) };
}

export function partialView(view: LookupView, partial: PartialArchive): PartialView {
  const { ranges, layers, layersHeld } = partial;
  return {
    ...view,
    ranges: ranges.map(formatRange),
    rangesSize: ranges.reduce((total, { start, end }) => total + end - start + 1, 0),
    layers,
    layersHeld,
  };
}

function formatRange({ start, end }: ByteRange): string {
  return `${start}-${end}`;
}

function progressView({ progress, stagedBytes }: PendingImage): ProgressView | undefined {
  if (progress === undefined) return undefined;
  const { phase, totalBytes, waiting } = progress;
  return {
    phase,
    ...(stagedBytes !== undefined && totalBytes !== undefined && { stagedBytes, totalBytes }),
    ...(waiting !== undefined && { waiting }),
  };
}
