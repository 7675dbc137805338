import type { BlobItem, ContainerListBlobFlatSegmentResponse } from '@azure/storage-blob';
import { CacheError } from '../../errors.ts';
import { type Digest, isDigest } from '../../image/digest.ts';
import { formatPlatform, isPlatform, parsePlatform, type Platform } from '../../image/platform.ts';
import { findIn, hasStatus, type Storage, storing } from '../storage.ts';

/** One committed archive, as its blob's properties and metadata tell. */
export interface CachedImage {
  readonly blob: string;
  readonly etag: string;
  /** Bytes of the archive. */
  readonly size: number;
  readonly image: string;
  readonly platform: Platform;
  readonly manifestDigest: Digest;
  readonly indexDigest: Digest | undefined;
  /** The config's digest: Docker's classic image id. */
  readonly imageId: Digest;
  readonly runRef: string;
  /** Of archives that older versions made, these two are not known. */
  readonly layerCount?: number | undefined;
  /** Of the layers, each way once: `gzip`, `gzip+zstd`. */
  readonly compression?: string | undefined;
  readonly createdAt: string;
  readonly lastUsed: string;
  /** As it was read, what this version does not know of included: a write of one member replaces all. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What an archive's metadata says of its image. */
export type ImageMetadata = Omit<CachedImage, 'blob' | 'etag' | 'size' | 'metadata'>;

/** ISO 8601 in UTC, whole seconds: what `lastused` and `createdat` hold. */
export function isoSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** The archive of this name; undefined where there is none, or a blob that this app did not write. */
export async function readArchive(storage: Storage, blob: string): Promise<CachedImage | undefined> {
  const found = await findIn('looking for an image', () =>
    storage.images.getBlobClient(blob).getProperties(),
  );
  return found && fromMetadata(blob, found.etag ?? '', found.contentLength ?? 0, found.metadata ?? {});
}

/** Of one stamp, where other writers are faster each time: their stamps are as good. */
const MAX_TRIES = 3;

/**
 * Stamps `lastused` on an archive as it was read: one conditional write. Where somebody else wrote since, it is read
 * and stamped again. Undefined where the archive is gone.
 */
export async function touchArchive(
  storage: Storage,
  image: CachedImage,
  now: Date,
): Promise<CachedImage | undefined> {
  let seen: CachedImage | undefined = image;
  for (let tries = 1; seen !== undefined; tries++) {
    const stamped = await stamp(storage, seen, now);
    if (stamped !== 'changed') return stamped;
    if (tries === MAX_TRIES) return seen;
    seen = await readArchive(storage, image.blob);
    if (seen !== undefined && seen.lastUsed >= isoSeconds(now)) return seen;
  }
  return undefined;
}

/** Undefined where the archive is gone; `changed` where it is not as it was seen. */
function stamp(
  storage: Storage,
  image: CachedImage,
  now: Date,
): Promise<CachedImage | 'changed' | undefined> {
  // A slower writer must not turn the clock back.
  const lastUsed = image.lastUsed > isoSeconds(now) ? image.lastUsed : isoSeconds(now);
  const metadata = { ...image.metadata, lastused: lastUsed };
  return findIn('stamping lastused', async () => {
    try {
      const { etag = '' } = await storage.images
        .getBlobClient(image.blob)
        .setMetadata(metadata, { conditions: { ifMatch: image.etag } });
      return { ...image, etag, lastUsed, metadata };
    } catch (error) {
      if (hasStatus(error, 412)) return 'changed';
      throw error;
    }
  });
}

/** Deletes an archive if it is still as it was seen. False where it has changed (somebody used it) or is gone. */
export async function deleteArchive(
  storage: Storage,
  image: Pick<CachedImage, 'blob' | 'etag'>,
): Promise<boolean> {
  return storing('deleting an image', async () => {
    try {
      await storage.images
        .getBlobClient(image.blob)
        .delete({ conditions: { ifMatch: image.etag }, deleteSnapshots: 'include' });
      return true;
    } catch (error) {
      if (hasStatus(error, 404, 412)) return false;
      throw error;
    }
  });
}

/** One page of the catalogue, by blob name. */
export async function listArchives(
  storage: Storage,
  options: { readonly prefix: string; readonly continuation?: string; readonly pageSize: number },
): Promise<{ readonly images: CachedImage[]; readonly continuation: string | undefined }> {
  return storing('listing images', async () => {
    const pages = storage.images.listBlobsFlat({ prefix: options.prefix, includeMetadata: true }).byPage({
      maxPageSize: options.pageSize,
      ...(options.continuation !== undefined && { continuationToken: options.continuation }),
    });
    try {
      const page = (await pages.next()).value as ContainerListBlobFlatSegmentResponse | undefined;
      const images = page?.segment.blobItems.map(fromItem).filter((image) => image !== undefined) ?? [];
      return { images, continuation: page?.continuationToken === '' ? undefined : page?.continuationToken };
    } catch (error) {
      if (!hasStatus(error, 400) || options.continuation === undefined) throw error;
      throw new CacheError('invalid_request', 'The continuation is not one that this service gave out.');
    }
  });
}

/** Every archive whose blob name starts with `prefix`, page after page. */
export async function* allArchives(storage: Storage, prefix = ''): AsyncGenerator<CachedImage> {
  let continuation: string | undefined;
  do {
    const page = await listArchives(storage, {
      prefix,
      pageSize: 1000,
      ...(continuation !== undefined && { continuation }),
    });
    yield* page.images;
    continuation = page.continuation;
  } while (continuation !== undefined);
}

export function toMetadata(image: ImageMetadata, layout: string): Record<string, string> {
  return {
    lastused: image.lastUsed,
    createdat: image.createdAt,
    image: image.image,
    platform: formatPlatform(image.platform),
    manifestdigest: image.manifestDigest,
    ...(image.indexDigest !== undefined && { indexdigest: image.indexDigest }),
    imageid: image.imageId,
    runref: image.runRef,
    ...(image.layerCount !== undefined && { layers: String(image.layerCount) }),
    // Metadata has no empty values.
    ...(image.compression !== undefined && image.compression !== '' && { compression: image.compression }),
    layout,
  };
}

function fromItem(item: BlobItem): CachedImage | undefined {
  return fromMetadata(
    item.name,
    item.properties.etag,
    item.properties.contentLength ?? 0,
    item.metadata ?? {},
  );
}

function fromMetadata(
  blob: string,
  etag: string,
  size: number,
  metadata: Readonly<Record<string, string>>,
): CachedImage | undefined {
  const { image, platform, manifestdigest, indexdigest, imageid, runref, createdat, lastused } = metadata;
  if (image === undefined || platform === undefined || runref === undefined) return undefined;
  if (manifestdigest === undefined || !isDigest(manifestdigest)) return undefined;
  if (imageid === undefined || !isDigest(imageid) || !isPlatform(platform)) return undefined;
  return {
    blob,
    etag: quoted(etag),
    size,
    image,
    platform: parsePlatform(platform),
    manifestDigest: manifestdigest,
    indexDigest: indexdigest !== undefined && isDigest(indexdigest) ? indexdigest : undefined,
    imageId: imageid,
    runRef: runref,
    layerCount: /^[0-9]{1,4}$/.test(metadata.layers ?? '') ? Number(metadata.layers) : undefined,
    compression: metadata.compression,
    createdAt: createdat ?? '',
    lastUsed: lastused ?? createdat ?? '',
    metadata,
  };
}

/** A listing gives ETags bare, a header gives them quoted; a condition needs the quotes. */
function quoted(etag: string): string {
  return etag === '' || etag.startsWith('"') ? etag : `"${etag}"`;
}
