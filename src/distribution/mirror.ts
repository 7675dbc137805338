import { Readable } from 'node:stream';
import { findImage } from '../catalog/findImage.ts';
import { markUsed } from '../catalog/markUsed.ts';
import { openArchive } from '../catalog/openArchive.ts';
import type { CacheContext } from '../context.ts';
import { isDigest } from '../image/digest.ts';
import type { Document } from '../image/document.ts';
import { parseManifest } from '../image/manifest.ts';
import type { ImageReference, RepositoryName } from '../image/reference.ts';
import { streamBytes } from '../store/archive/archiveBytes.ts';
import { archiveName } from '../store/archive/archiveNames.ts';
import { readArchive } from '../store/archive/archives.ts';
import { readDocument } from '../store/hints/documents.ts';
import { findBlob, noteHolder } from './findBlob.ts';

/** A config or a layer, with its bytes from the asked offset on. */
export interface MirroredBlob {
  /** Of the whole blob, in bytes. */
  readonly size: number;
  readonly read: (start: number) => Promise<Readable | undefined>;
}

/**
 * The manifest of a cached image. A tag gives the index that it led to where that is kept, so that its digest is the
 * one which the registry gave. No registry is asked.
 */
export async function mirrorManifest(
  { storage, config }: CacheContext,
  ref: ImageReference,
): Promise<Document | undefined> {
  const exact =
    ref.digest === undefined ? undefined : await readArchive(storage, archiveName(ref, ref.digest));
  const cached = exact ?? (await findImage(storage, ref, config.defaultPlatform));
  if (cached === undefined) return undefined;
  const used = await markUsed(storage, cached, config.lastUsedResolutionSeconds, new Date());
  if (used === undefined) return undefined;
  if (used.indexDigest !== undefined && exact === undefined) {
    const index = await readDocument(storage, used.indexDigest);
    if (index !== undefined) {
      const { mediaType } = parseManifest(index.bytes, undefined, used.image);
      return { ...index, mediaType };
    }
    if (ref.digest !== undefined) return undefined;
  }
  const archive = await openArchive(storage, used);
  if (archive === undefined) return undefined;
  // Whoever pulls asks for the blobs next, perhaps another instance.
  await noteHolder(storage, { cached: used, archive });
  return archive.image.manifest;
}

/** A blob of any cached image of the repository, out of that image's archive. */
export async function mirrorBlob(
  { storage }: CacheContext,
  ref: RepositoryName,
  digest: string,
): Promise<MirroredBlob | undefined> {
  if (!isDigest(digest)) return undefined;
  const holder = await findBlob(storage, ref, digest);
  if (holder === undefined) return undefined;
  const { image, layout } = holder.archive;
  const inHead = [image.config, image.manifest].find((document) => document.digest === digest);
  if (inHead !== undefined) return inMemory(inHead.bytes);
  const layer = layout.layers.find(({ descriptor }) => descriptor.digest === digest);
  if (layer === undefined) return undefined;
  const { dataStart, dataEnd } = layer;
  return {
    size: dataEnd - dataStart,
    read: async (start) => {
      const count = dataEnd - dataStart - start;
      return count === 0
        ? Readable.from([])
        : streamBytes(storage, holder.cached.blob, dataStart + start, count);
    },
  };
}

function inMemory(bytes: Uint8Array): MirroredBlob {
  return {
    size: bytes.length,
    read: (start) => Promise.resolve(Readable.from([Buffer.from(bytes.subarray(start))])),
  };
}
