import { LRUCache } from 'lru-cache';
import { LAYOUT_VERSION } from '../../archive/layout.ts';
import { openHead } from '../../archive/openHead.ts';
import { identifyHead } from '../../archive/readHead.ts';
import { type Digest, isDigest } from '../../image/digest.ts';
import type { Image } from '../../image/image.ts';
import { compressionsOf } from '../../image/mediaTypes.ts';
import { isPlatform, parsePlatform, type Platform } from '../../image/platform.ts';
import { canonicalReference, runReference } from '../../image/reference.ts';
import type { Storage } from '../storage.ts';
import { readHeadBytes } from './archiveBytes.ts';
import {
  type BlobMetadata,
  type ImageMetadata,
  parseImage,
  parseTimes,
  toMetadata,
} from './archiveMetadata.ts';
import { archiveName, manifestOfArchive } from './archiveNames.ts';
import { writeMetadata } from './writeMetadata.ts';

/** A blob among the archives, as its properties tell. */
export interface FoundBlob {
  readonly blob: string;
  /** Quoted. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  readonly created: Date;
  readonly modified: Date;
  readonly metadata: BlobMetadata;
}

export type Repaired = ImageMetadata & Pick<FoundBlob, 'etag' | 'metadata'>;

/** Of an image that says nothing of it: what most are. */
const UNKNOWN_PLATFORM: Platform = { os: 'linux', architecture: 'amd64' };

/** What every archive of ours begins with. */
const OUR_START = Buffer.from('manifest.json\0');

/** Blobs that were looked into, and are no archives; by URL and ETag. */
const foreign = new LRUCache<string, true>({ max: 10_000 });

/**
 * An archive whose metadata was lost or mangled (`az storage blob metadata update` replaces the whole set): its name
 * and its head tell all but when it was used and which tag and index led to it. What they tell is written back.
 * Undefined where it is no archive of ours; then it is left alone.
 */
export async function repairArchive(storage: Storage, found: FoundBlob): Promise<Repaired | undefined> {
  const { blob, etag, size } = found;
  const manifest = manifestOfArchive(blob);
  if (manifest === undefined) return undefined;
  const key = `${storage.images.url}/${blob} ${etag}`;
  if (foreign.has(key)) return undefined;
  for await (const bytes of readHeadBytes(storage, blob, size)) {
    const repaired = identify(bytes, manifest, found);
    if (repaired !== undefined) return writeMetadata(storage, blob, repaired);
    // What somebody else wrote begins otherwise: no more of it need be read here.
    if (!Buffer.from(bytes.subarray(0, OUR_START.length)).equals(OUR_START)) break;
  }
  foreign.set(key, true);
  return undefined;
}

function identify(bytes: Uint8Array, manifestDigest: Digest, found: FoundBlob): Repaired | undefined {
  const { blob, etag, size, created, modified, metadata } = found;
  const identity = identifyHead(bytes, manifestDigest);
  const named = parseImage(identity?.name);
  if (identity === undefined || named === undefined) return undefined;
  const name = { registry: named.registry, repository: named.repository };
  if (archiveName(name, manifestDigest) !== blob) return undefined;
  const opened = openHead(bytes, size, name, manifestDigest, identity.config);
  if (opened === undefined) return undefined;

  const said = parseImage(metadata.image);
  const isSame = said !== undefined && archiveName(said, manifestDigest) === blob;
  const index =
    metadata.indexdigest !== undefined && isDigest(metadata.indexdigest)
      ? metadata.indexdigest
      : isSame && said.digest !== manifestDigest
        ? said.digest
        : undefined;
  const image: ImageMetadata = {
    image: isSame
      ? canonicalReference({ ...said, ...name })
      : canonicalReference({ ...name, digest: index ?? manifestDigest }),
    platform: platformOf(metadata, opened.image),
    manifestDigest,
    indexDigest: index,
    imageId: identity.config,
    runRef: runReference(name, manifestDigest),
    layerCount: opened.image.layers.length,
    compression: compressionsOf(opened.image.layers),
    ...parseTimes(metadata, created, modified),
  };
  const others = Object.entries(metadata).filter(([member]) => member !== 'indexdigest');
  const whole = { ...Object.fromEntries(others), ...toMetadata(image, LAYOUT_VERSION) };
  return { ...image, etag, metadata: whole };
}

/** An index may have named a platform that the image's own config does not: what is left of the metadata goes first. */
function platformOf({ platform }: BlobMetadata, image: Image): Platform {
  if (platform !== undefined && isPlatform(platform)) return parsePlatform(platform);
  return image.platform ?? UNKNOWN_PLATFORM;
}
