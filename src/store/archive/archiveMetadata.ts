import type { Digest } from '../../image/digest.ts';
import { isDigest } from '../../image/digest.ts';
import { formatPlatform, isPlatform, parsePlatform, type Platform } from '../../image/platform.ts';
import { type ImageReference, parseReference, runReference } from '../../image/reference.ts';
import { archiveName } from './archiveNames.ts';
import { type Adopted, adoptedMembers, parseAdopted } from './adoptedMetadata.ts';

/** What an archive's metadata says of its image. */
export interface ImageMetadata {
  /** Canonical reference: with a tag only where a registry said that the tag stands for this image. */
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
  /** Of an archive that somebody put there: what else is known of it. Ours are all of one form. */
  readonly adopted?: Adopted;
  readonly createdAt: string;
  readonly lastUsed: string;
}

/** Metadata by its names, in lower case. */
export type BlobMetadata = Readonly<Record<string, string>>;

/** Metadata of the empty blob for which what a failed run staged under its name was thrown away (staging.ts). */
export const PLACEHOLDER: BlobMetadata = { abandoned: 'true' };

export function isPlaceholder(metadata: BlobMetadata | undefined): boolean {
  return metadata?.abandoned === PLACEHOLDER.abandoned;
}

/** ISO 8601 in UTC, whole seconds: what `lastused` and `createdat` hold. */
export function isoSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

export function toMetadata(image: ImageMetadata, layout = ''): Record<string, string> {
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
    ...(image.adopted === undefined ? { layout } : adoptedMembers(image.adopted)),
  };
}

/**
 * Metadata as storage gave it: names are the same in any case, and tools write what they like.
 * https://learn.microsoft.com/rest/api/storageservices/setting-and-retrieving-properties-and-metadata-for-blob-resources
 */
export function normaliseMetadata(metadata: Readonly<Record<string, string>> | undefined): BlobMetadata {
  return Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [name.toLowerCase(), value.trim()]),
  );
}

/**
 * Undefined where something of the image is missing, cannot be read, or is of another blob: then the archive itself
 * has to say.
 */
export function parseIdentity(
  blob: string,
  metadata: BlobMetadata,
): Omit<ImageMetadata, 'createdAt' | 'lastUsed'> | undefined {
  const { platform, manifestdigest, indexdigest, imageid, runref } = metadata;
  const ref = parseImage(metadata.image);
  if (ref === undefined || platform === undefined || !isPlatform(platform)) return undefined;
  if (manifestdigest === undefined || !isDigest(manifestdigest)) return undefined;
  if (imageid === undefined || !isDigest(imageid)) return undefined;
  if (indexdigest !== undefined && !isDigest(indexdigest)) return undefined;
  const adopted = parseAdopted(blob, ref, metadata);
  if (adopted === undefined && archiveName(ref, manifestdigest) !== blob) return undefined;
  if (runref !== runReference(ref, manifestdigest)) return undefined;
  return {
    image: metadata.image ?? '',
    platform: parsePlatform(platform),
    manifestDigest: manifestdigest,
    indexDigest: indexdigest,
    imageId: imageid,
    runRef: runref,
    ...(/^[0-9]{1,4}$/.test(metadata.layers ?? '') && { layerCount: Number(metadata.layers) }),
    ...(metadata.compression !== undefined && { compression: metadata.compression }),
    ...(adopted !== undefined && { adopted }),
  };
}

/** The reference of `image`; undefined where it is none. */
export function parseImage(image: string | undefined): ImageReference | undefined {
  try {
    return image === undefined ? undefined : parseReference(image);
  } catch {
    return undefined;
  }
}

/**
 * When an archive was made and last used. What is no date, or cannot be true, says nothing: then it is when the blob
 * was made, and last written.
 */
export function parseTimes(
  { createdat, lastused }: BlobMetadata,
  created: Date,
  modified: Date,
): Pick<ImageMetadata, 'createdAt' | 'lastUsed'> {
  return {
    createdAt: isoSeconds(knownDate(createdat) ?? created),
    lastUsed: isoSeconds(knownDate(lastused) ?? modified),
  };
}

/** Zeros of all calendars lie before it, and no archive does. */
const EARLIEST = new Date('2015-01-01T00:00:00Z');
/** Clocks differ by this much, and no more. */
const CLOCK_SKEW_MS = 5 * 60_000;
const ISO_8601 =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** ISO 8601 with or without a fraction and an offset; none is UTC. Nothing else is told apart with certainty. */
function knownDate(text = ''): Date | undefined {
  const [, day, time = '00:00:00', , zone = 'Z'] = ISO_8601.exec(text) ?? [];
  if (day === undefined) return undefined;
  const offset = zone.length === 3 ? `${zone}:00` : zone.replace(/^(...)(\d\d)$/, '$1:$2');
  const date = new Date(`${day}T${time}${offset.toUpperCase()}`);
  const isPossible = date >= EARLIEST && date.getTime() <= Date.now() + CLOCK_SKEW_MS;
  return isPossible ? date : undefined;
}
