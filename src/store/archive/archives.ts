import type { BlobItem, ContainerListBlobFlatSegmentResponse } from '@azure/storage-blob';
import { RestError } from '@azure/storage-blob';
import { CacheError } from '../../errors.ts';
import { findIn, hasStatus, isContainerMissing, type Storage, storing } from '../storage.ts';
import {
  type BlobMetadata,
  type ImageMetadata,
  isoSeconds,
  isPlaceholder,
  normaliseMetadata,
  parseIdentity,
  parseTimes,
} from './archiveMetadata.ts';
import { adoptArchive } from './adoptArchive.ts';
import { type FoundBlob, repairArchive } from './repairArchive.ts';

/** One committed archive, as its blob's properties and metadata tell. */
export interface CachedImage extends ImageMetadata {
  readonly blob: string;
  readonly etag: string;
  /** Bytes of the archive. */
  readonly size: number;
  /** As it was read, what this version does not know of included: a write of one member replaces all. */
  readonly metadata: BlobMetadata;
}

/** A blob in the archives' container that is not served. */
export interface OtherBlob {
  readonly blob: string;
  /** Bytes. */
  readonly size: number;
  /** Why, as a sentence. */
  readonly reason: string;
  /** It may be an archive: it is being read. */
  readonly isUnread?: true;
}

/**
 * What lies under an archive's name. An archive whose metadata was lost is repaired, one that was put there by hand is
 * adopted; `foreign` is a blob that is neither, or not known to be yet.
 */
export async function findArchive(
  storage: Storage,
  blob: string,
): Promise<CachedImage | 'foreign' | undefined> {
  const found = await findIn('looking for an image', () =>
    storage.images.getBlobClient(blob).getProperties(),
  );
  if (found === undefined) return undefined;
  const { etag = '', contentLength = 0, lastModified: modified = new Date(), createdOn } = found;
  const metadata = normaliseMetadata(found.metadata);
  if (isPlaceholder(metadata)) return undefined;
  const created = createdOn ?? modified;
  const seen = { blob, etag: quoted(etag), size: contentLength, created, modified, metadata };
  const read = await readFound(storage, seen);
  return read !== undefined && isArchive(read) ? read : 'foreign';
}

/** The archive of this name; undefined where there is none, or a blob that is no archive. */
export async function readArchive(storage: Storage, blob: string): Promise<CachedImage | undefined> {
  const found = await findArchive(storage, blob);
  return found === 'foreign' ? undefined : found;
}

/** For whoever needs the name that a foreign blob has. */
export function foreignBlob(blob: string): CacheError {
  return new CacheError(
    'storage_unavailable',
    `The blob ${blob} is there, but this service did not write it. Move it away, and ask for the image again.`,
    { retryable: false },
  );
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
  // Dates that could not be read are written as what they count as.
  const metadata = { ...image.metadata, createdat: image.createdAt, lastused: lastUsed };
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

/** `changed`: somebody used it, or it is gone. `held`: by a lease, a legal hold or a policy of the account. */
export type Deletion = 'deleted' | 'changed' | 'held';

/** Deletes an archive if it is still as it was seen. */
export async function deleteArchive(
  storage: Storage,
  image: Pick<CachedImage, 'blob' | 'etag'>,
): Promise<Deletion> {
  return storing('deleting an image', async () => {
    try {
      await storage.images
        .getBlobClient(image.blob)
        .delete({ conditions: { ifMatch: image.etag }, deleteSnapshots: 'include' });
      return 'deleted';
    } catch (error) {
      if (hasStatus(error, 409) || (error instanceof RestError && error.code === 'LeaseIdMissing'))
        return 'held';
      if (hasStatus(error, 404, 412)) return 'changed';
      throw error;
    }
  });
}

/** One page of the catalogue, by blob name. */
export interface ArchivePage {
  readonly images: readonly CachedImage[];
  readonly others: readonly OtherBlob[];
  readonly continuation: string | undefined;
}

export async function listArchives(
  storage: Storage,
  options: { readonly prefix: string; readonly continuation?: string; readonly pageSize: number },
): Promise<ArchivePage> {
  return storing('listing images', async () => {
    const pages = storage.images.listBlobsFlat({ prefix: options.prefix, includeMetadata: true }).byPage({
      maxPageSize: options.pageSize,
      ...(options.continuation !== undefined && { continuationToken: options.continuation }),
    });
    try {
      const page = (await pages.next()).value as ContainerListBlobFlatSegmentResponse | undefined;
      const items = page?.segment.blobItems ?? [];
      const read = await Promise.all(items.map((item) => readFound(storage, foundItem(item))));
      const found = read.filter((one) => one !== undefined);
      return {
        images: found.filter(isArchive),
        others: found.filter((one): one is OtherBlob => !isArchive(one)),
        continuation: page?.continuationToken === '' ? undefined : page?.continuationToken,
      };
    } catch (error) {
      if (isContainerMissing(error)) return { images: [], others: [], continuation: undefined };
      if (!hasStatus(error, 400) || options.continuation === undefined) throw error;
      throw new CacheError('invalid_request', 'The continuation is not one that this service gave out.');
    }
  });
}

/** The pages of all whose blob name starts with `prefix`, one after the other. */
export async function* archivePages(storage: Storage, prefix = ''): AsyncGenerator<ArchivePage> {
  let continuation: string | undefined;
  do {
    const page = await listArchives(storage, {
      prefix,
      pageSize: 1000,
      ...(continuation !== undefined && { continuation }),
    });
    yield page;
    continuation = page.continuation;
  } while (continuation !== undefined);
}

/** Every archive whose blob name starts with `prefix`, page after page. */
export async function* allArchives(storage: Storage, prefix = ''): AsyncGenerator<CachedImage> {
  for await (const page of archivePages(storage, prefix)) yield* page.images;
}

function isArchive(found: CachedImage | OtherBlob): found is CachedImage {
  return 'manifestDigest' in found;
}

function foundItem({ name, properties, metadata }: BlobItem): FoundBlob {
  const { etag, contentLength = 0, lastModified: modified, createdOn: created = modified } = properties;
  const found = { etag: quoted(etag), size: contentLength, created, modified };
  return { blob: name, ...found, metadata: normaliseMetadata(metadata) };
}

/** Undefined where it is nobody's: what runs keep here, and what stands for nothing. */
async function readFound(storage: Storage, found: FoundBlob): Promise<CachedImage | OtherBlob | undefined> {
  const { blob, etag, size, created, modified, metadata } = found;
  if (blob.startsWith('_') || isPlaceholder(metadata)) return undefined;
  const identity = parseIdentity(blob, metadata);
  if (identity !== undefined)
    return { blob, etag, size, ...identity, ...parseTimes(metadata, created, modified), metadata };
  const read = (await repairArchive(storage, found)) ?? (await adoptArchive(storage, found));
  if (read === 'unread') return { blob, size, reason: 'It is being read.', isUnread: true };
  return { blob, size, ...read };
}

/** A listing gives ETags bare, a header gives them quoted; a condition needs the quotes. */
function quoted(etag: string): string {
  return etag === '' || etag.startsWith('"') ? etag : `"${etag}"`;
}
