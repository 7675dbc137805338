import type { ImageView, LookupView, PartialView, ProgressView } from '../api/views.ts';
import { dockerPrefix } from '../archive/dockerPrefix.ts';
import type { ByteRange } from '../archive/ranges.ts';
import type { ImageRequest } from '../image/imageRequest.ts';
import { formatPlatform } from '../image/platform.ts';
import { canonicalReference, familiarName } from '../image/reference.ts';
import type { ImageState, PendingImage } from './describeImage.ts';
import type { UsableImage } from './lookupImage.ts';
import type { PartialArchive } from './partialLookup.ts';
import { isoSeconds } from '../store/archive/archiveMetadata.ts';
import type { CachedImage } from '../store/archive/archives.ts';

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
    ...(cached.adopted?.digestFrom !== 'imageid' && { manifestDigest }),
    ...(indexDigest !== undefined && { indexDigest }),
    imageId,
    runRef,
    blob,
    size,
    lastUsed,
    createdAt,
    ...adoptedView(cached),
    ...notesOf(cached),
  };
}

function adoptedView({ adopted }: CachedImage): Pick<ImageView, 'tags' | 'format' | 'encoding'> {
  if (adopted === undefined) return {};
  const { tags, format, encoding } = adopted;
  return { ...(tags.length > 0 && { tags }), format, ...(encoding !== undefined && { encoding }) };
}

/** Docker's classic image store stacks no more. https://github.com/moby/moby/blob/v28.5.2/layer/layer_store.go */
const CLASSIC_MAX_LAYERS = 125;

/** What an archive cannot be loaded with, though it is right; and what of it nobody could prove. */
function notesOf({ layerCount = 0, compression = '', adopted }: CachedImage): Pick<ImageView, 'notes'> {
  const notes = [
    ...(adopted?.digestFrom === 'name'
      ? ['Its digest is the one in its name, on the word of whoever put it there.']
      : []),
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
  const { url, urlExpires, cached } = found;
  return { ...imageView(request, found), url, urlExpires: isoSeconds(urlExpires), ...loadingOf(cached) };
}

/** What a node needs to know of an archive that is not ours to load it and to tell that it did. */
function loadingOf({
  adopted,
  runRef,
  imageId,
}: CachedImage): Pick<LookupView, 'diffIdsDigest' | 'loadPrefix'> {
  if (adopted === undefined) return {};
  const { diffIdsDigest, format, layerDigests } = adopted;
  const isBare = format === 'oci' && layerDigests.length > 0;
  const prefix = isBare
    ? Buffer.from(dockerPrefix(runRef, imageId, layerDigests)).toString('base64')
    : undefined;
  return { diffIdsDigest, ...(prefix !== undefined && { loadPrefix: prefix }) };
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
