import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { MAX_MANIFEST_BYTES } from '../image/manifest.ts';
import { followed, pathsOf } from './archiveContents.ts';
import { readBlob, type ReadBlob } from './readBlob.ts';
import { type SavedImage, savedImages } from './savedImages.ts';
import { normalised, type TarEntry } from './tarEntries.ts';

/**
 * Reads an archive that another program wrote, to its end: what is named after its digest against that name, and every
 * layer, unpacked, against the diff id that the config gives it.
 * @param isGzipped the whole archive is
 * @throws {Error} saying what is wrong
 */
export async function verifySaved(archive: Readable, isGzipped: boolean): Promise<readonly SavedImage[]> {
  const blobs = new Map<string, ReadBlob>();
  const entries: TarEntry[] = [];
  const unpacked = extract();
  const flowing = isGzipped ? pipeline(archive, createGunzip(), unpacked) : pipeline(archive, unpacked);
  // What ends the archive early ends its entries, which are read here.
  flowing.catch(() => undefined);
  for await (const entry of unpacked) {
    const { name, type, size, linkname } = entry.header;
    const path = normalised(name);
    const isLink = type === 'link' || type === 'symlink';
    entries.push({
      ...{ path, size, start: 0, target: linkname },
      type: isLink ? 'link' : type === 'file' || type === 'contiguous-file' ? 'file' : 'other',
    });
    if (type !== 'file' && type !== 'contiguous-file') {
      entry.resume();
      continue;
    }
    const blob = await readBlob(entry as AsyncIterable<Buffer>, path, size, MAX_MANIFEST_BYTES);
    const [, algorithm, hex] = /(?:^|\/)blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(path) ?? [];
    if (hex !== undefined && blob.digests.get(algorithm ?? '') !== hex)
      throw new Error(`${path} does not hold what its name says`);
    blobs.set(path, blob);
  }
  await flowing;
  const found = pathsOf(entries);
  const blobAt = (path: string): ReadBlob | undefined => blobs.get(followed(found, path)?.path ?? '');
  const images = await savedImages({
    has: (path) => blobAt(path) !== undefined,
    read: (path) => Promise.resolve(blobAt(path)?.bytes),
  });
  for (const { layerPaths, diffIds } of images)
    layerPaths.forEach((path, position) => {
      if (blobAt(path)?.diffId !== diffIds[position])
        throw new Error(`layer ${path} does not unpack to its diff id`);
    });
  return images;
}
