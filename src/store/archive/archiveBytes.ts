import { Readable } from 'node:stream';
import { bodyOf, findIn, readBlob, type Storage } from '../storage.ts';

/** The first bytes of an archive, at most `count`. Undefined where the archive is gone. */
export async function readFirstBytes(
  storage: Storage,
  blob: string,
  count: number,
): Promise<Uint8Array | undefined> {
  return (await readBlob('reading an archive', storage.images.getBlobClient(blob), count))?.bytes;
}

/** A stretch of an archive as a stream. Undefined where the archive is gone. */
export async function streamBytes(
  storage: Storage,
  blob: string,
  start: number,
  count: number,
): Promise<Readable | undefined> {
  return findIn('reading an archive', async () => {
    const client = storage.images.getBlobClient(blob);
    return Readable.from(bodyOf(await client.download(start, count)));
  });
}
