import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { normalised, type TarEntry } from './tarEntries.ts';

/** One entry of a tar that is read from its beginning to its end. */
export interface StreamedEntry extends TarEntry {
  /** Of a file; to be read before the next entry is asked for, or not at all. */
  readonly bytes: AsyncIterable<Buffer>;
}

/**
 * The entries of a tar, whoever wrote it, as they come.
 * @param isGzipped the whole tar is
 * @throws {Error} where it is damaged or cut short
 */
export async function* streamedEntries(
  archive: Readable,
  isGzipped: boolean,
): AsyncGenerator<StreamedEntry, void, void> {
  const unpacked = extract();
  const flowing = isGzipped ? pipeline(archive, createGunzip(), unpacked) : pipeline(archive, unpacked);
  // What ends the archive early ends its entries, which are read here.
  flowing.catch(() => undefined);
  for await (const entry of unpacked) {
    const { name, type, size, linkname } = entry.header;
    const isFile = type === 'file' || type === 'contiguous-file';
    const isLink = type === 'link' || type === 'symlink';
    yield {
      ...{ path: normalised(name), size, start: 0, target: linkname },
      type: isLink ? 'link' : isFile ? 'file' : 'other',
      bytes: entry as AsyncIterable<Buffer>,
    };
    entry.resume();
  }
  await flowing;
}
