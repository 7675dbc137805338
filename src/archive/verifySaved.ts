import { MAX_MANIFEST_BYTES } from '../image/manifest.ts';
import { followed, pathsOf } from './archiveContents.ts';
import { readBlob, type ReadBlob } from './readBlob.ts';
import { type ArchiveContents, type SavedImage, savedImages } from './savedImages.ts';
import type { StreamedEntry } from './streamedEntries.ts';
import type { TarEntry } from './tarEntries.ts';

/** An archive that was read to its end. */
export interface VerifiedContents {
  readonly images: readonly SavedImage[];
  readonly contents: ArchiveContents;
  /** What lies at a path, or where a link there leads. */
  readonly blobAt: (path: string) => (ReadBlob & { readonly path: string }) | undefined;
}

/** Of all documents of an archive together: hundreds of images' worth. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/**
 * Reads an archive that another program wrote, to its end: what is named after its digest against that name, and every
 * layer, unpacked, against the diff id that the config gives it.
 * @throws {Error} saying what is wrong
 */
export async function verifySaved(entries: AsyncIterable<StreamedEntry>): Promise<VerifiedContents> {
  const blobs = new Map<string, ReadBlob & { readonly path: string }>();
  const seen: TarEntry[] = [];
  let keptBytes = 0;
  for await (const { bytes, ...entry } of entries) {
    const { path, type, size } = entry;
    seen.push(entry);
    if (type !== 'file') continue;
    const blob = await readBlob(bytes, path, size, Math.min(MAX_MANIFEST_BYTES, MAX_KEPT_BYTES - keptBytes));
    keptBytes += blob.bytes?.length ?? 0;
    const [, algorithm, hex] = /(?:^|\/)blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(path) ?? [];
    if (hex !== undefined && blob.digests.get(algorithm ?? '') !== hex)
      throw new Error(`${path} does not hold what its name says`);
    blobs.set(path, { ...blob, path });
  }
  const found = pathsOf(seen);
  const blobAt: VerifiedContents['blobAt'] = (path) => blobs.get(followed(found, path)?.path ?? '');
  const contents: ArchiveContents = {
    has: (path) => blobAt(path) !== undefined,
    read: (path) => Promise.resolve(blobAt(path)?.bytes),
  };
  const images = await savedImages(contents);
  for (const { layerPaths, diffIds } of images)
    layerPaths.forEach((path, position) => {
      if (blobAt(path)?.diffId !== diffIds[position])
        throw new Error(`layer ${path} does not unpack to its diff id`);
    });
  return { images, contents, blobAt };
}
