import path from 'node:path/posix';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { MAX_MANIFEST_BYTES } from '../image/manifest.ts';
import type { ArchiveContents } from './savedImages.ts';
import { normalised, NotAnArchive, type ReadBytes, type TarEntry, tarEntries } from './tarEntries.ts';

/** Larger than every document that is taken. */
const MAX_DOCUMENT_BYTES = MAX_MANIFEST_BYTES;
/** Of all documents of an archive together: hundreds of images' worth. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** Links may lead to links. */
const MAX_LINKS = 8;

/**
 * What a tar holds that can be read anywhere: its headers are read, and of its contents the documents that are asked
 * for.
 * @param size bytes of the tar
 * @throws {NotAnArchive}
 */
export async function openContents(read: ReadBytes, size: number): Promise<ArchiveContents> {
  const entries = pathsOf(await tarEntries(read, size));
  const find = (wanted: string): TarEntry | undefined => followed(entries, wanted);
  return {
    has: (wanted) => find(wanted) !== undefined,
    read: async (wanted) => {
      const entry = find(wanted);
      if (entry === undefined || entry.size > MAX_DOCUMENT_BYTES) return undefined;
      return entry.size === 0 ? new Uint8Array() : read(entry.start, entry.size);
    },
  };
}

/**
 * What a gzipped tar holds: it is read to its end, since nothing in it can be found otherwise. What may be a document is
 * kept on the way.
 * @throws {NotAnArchive}
 */
export async function openGzippedContents(packed: Readable): Promise<ArchiveContents> {
  const kept = new Map<string, Uint8Array>();
  const entries: TarEntry[] = [];
  let keptBytes = 0;
  const unpacked = extract();
  const flowing = pipeline(packed, createGunzip(), unpacked);
  flowing.catch(() => undefined);
  try {
    for await (const entry of unpacked) {
      const { name, type, size, linkname } = entry.header;
      const isLink = type === 'link' || type === 'symlink';
      const isFile = type === 'file' || type === 'contiguous-file';
      const at = normalised(name);
      entries.push({
        path: at,
        type: isLink ? 'link' : isFile ? 'file' : 'other',
        size,
        start: 0,
        target: linkname,
      });
      const mayKeep = isFile && size <= MAX_DOCUMENT_BYTES && keptBytes + size <= MAX_KEPT_BYTES;
      const bytes = mayKeep ? await documentOf(entry as AsyncIterable<Uint8Array>) : undefined;
      if (bytes === undefined) {
        entry.resume();
        continue;
      }
      keptBytes += bytes.length;
      kept.set(at, bytes);
    }
    await flowing;
  } catch (error) {
    // What storage says of itself is no word on the archive.
    if (
      error instanceof Error &&
      !/gzip|incorrect|invalid|unexpected end|tar header|too far back/i.test(error.message)
    )
      throw error;
    throw new NotAnArchive('It is damaged or cut short: it does not unpack to a tar.');
  }
  const found = pathsOf(entries);
  return {
    has: (wanted) => followed(found, wanted) !== undefined,
    read: (wanted) => Promise.resolve(kept.get(followed(found, wanted)?.path ?? '')),
  };
}

/** The bytes of what begins as JSON does; of anything else they need not be kept. */
async function documentOf(entry: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const bytes = await buffer(entry);
  return /^\s*[[{]/.test(bytes.toString('latin1', 0, 64)) ? bytes : undefined;
}

/** Of entries with the same path, the last one counts. */
export function pathsOf(entries: readonly TarEntry[]): ReadonlyMap<string, TarEntry> {
  return new Map(entries.filter(({ type }) => type !== 'other').map((entry) => [entry.path, entry]));
}

/** Docker before 25 writes a layer that several images share once, and links to it. */
export function followed(entries: ReadonlyMap<string, TarEntry>, wanted: string): TarEntry | undefined {
  let entry = entries.get(normalised(wanted));
  for (let links = 0; entry?.type === 'link'; links++) {
    if (links === MAX_LINKS) return undefined;
    const { path: from, target } = entry;
    const relative = normalised(path.join('/', path.dirname(from), target));
    entry = entries.get(relative) ?? entries.get(normalised(target));
    if (entry?.path === from) return undefined;
  }
  return entry;
}
