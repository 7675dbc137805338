import { Readable } from 'node:stream';
import { type Digest, isDigest } from '../image/digest.ts';
import { bareMediaType } from '../image/mediaTypes.ts';
import type { ImageReference } from '../image/reference.ts';
import { allArchives, type CachedImage, readArchive } from '../store/archive/archives.ts';
import { streamBytes } from '../store/archive/archiveBytes.ts';
import { archiveName, repositoryFolder } from '../store/archive/archiveNames.ts';
import { readDocument } from '../store/hints/documents.ts';
import type { CacheContext } from '../context.ts';
import { findImage } from '../catalog/findImage.ts';
import { markUsed } from '../service/lookupImage.ts';
import { openArchive } from '../catalog/openArchive.ts';

/** A manifest or an index, as a registry serves it. */
export interface MirroredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

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
  context: CacheContext,
  ref: ImageReference,
): Promise<MirroredManifest | undefined> {
  const { storage, config } = context;
  const exact =
    ref.digest === undefined ? undefined : await readArchive(storage, archiveName(ref, ref.digest));
  const cached = exact ?? (await findImage(storage, ref, config.defaultPlatform)).cached;
  if (cached === undefined || (await markUsed(context, cached, new Date())) === undefined) return undefined;
  if (cached.indexDigest !== undefined && exact === undefined) {
    const index = await readDocument(storage, cached.indexDigest);
    if (index?.mediaType !== undefined)
      return { digest: cached.indexDigest, mediaType: bareMediaType(index.mediaType), bytes: index.bytes };
    if (ref.digest !== undefined) return undefined;
  }
  const archive = await openArchive(storage, cached);
  return archive?.image.manifest;
}

/** A blob of any cached image of the repository, out of that image's archive. */
export async function mirrorBlob(
  { storage }: CacheContext,
  ref: Pick<ImageReference, 'registry' | 'repository'>,
  digest: string,
): Promise<MirroredBlob | undefined> {
  if (!isDigest(digest)) return undefined;
  for await (const cached of allArchives(storage, repositoryFolder(ref))) {
    const archive = await openArchive(storage, cached);
    if (archive === undefined) continue;
    const { image, layout } = archive;
    if (image.config.digest === digest) return inMemory(image.config.bytes);
    const layer = layout.layers.find(({ descriptor }) => descriptor.digest === digest);
    if (layer === undefined) continue;
    return inArchive(cached, layer.dataStart, layer.dataEnd);
  }
  return undefined;

  function inArchive({ blob }: CachedImage, dataStart: number, dataEnd: number): MirroredBlob {
    return {
      size: dataEnd - dataStart,
      read: async (start) => {
        const count = dataEnd - dataStart - start;
        return count === 0 ? Readable.from([]) : streamBytes(storage, blob, dataStart + start, count);
      },
    };
  }
}

function inMemory(bytes: Uint8Array): MirroredBlob {
  return {
    size: bytes.length,
    read: (start) => Promise.resolve(Readable.from([Buffer.from(bytes.subarray(start))])),
  };
}
