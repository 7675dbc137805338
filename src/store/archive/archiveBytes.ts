import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { bodyOf, findIn, type Storage } from '../storage.ts';

/** The first bytes of an archive, at most `count`. Undefined where the archive is gone. */
export async function readFirstBytes(
  storage: Storage,
  blob: string,
  count: number,
): Promise<Uint8Array | undefined> {
  return findIn('reading an archive', async () => {
    const client = storage.images.getBlobClient(blob);
    return buffer(bodyOf(await client.download(0, count)));
  });
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
