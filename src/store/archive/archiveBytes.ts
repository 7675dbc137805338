import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES } from '../../image/manifest.ts';
import { bodyOf, findIn, hasStatus, readBlob, type Storage } from '../storage.ts';

/** Nearly every head fits; for one that does not, all that a head can be is read. */
const HEAD_BYTES = 128 * 1024;
const MAX_HEAD_BYTES = MAX_MANIFEST_BYTES + MAX_CONFIG_BYTES + 2 * 1024 * 1024;

/**
 * The first bytes of an archive, and then, for whom they were too few, more of them. Nothing where it is gone.
 * @param size bytes of the archive
 */
export async function* readHeadBytes(
  storage: Storage,
  blob: string,
  size: number,
): AsyncGenerator<Uint8Array> {
  const client = storage.images.getBlobClient(blob);
  for (const count of size > HEAD_BYTES ? [HEAD_BYTES, Math.min(MAX_HEAD_BYTES, size)] : [size]) {
    // Storage refuses to read a range of what has no bytes.
    const found = count === 0 ? undefined : await readBlob('reading an archive', client, count);
    if (found === undefined) return;
    yield found.bytes;
  }
}

/** A stretch of a blob. Undefined where the blob is gone, or has changed. */
export async function readRange(
  storage: Storage,
  blob: string,
  start: number,
  count: number,
  etag: string,
): Promise<Buffer | undefined> {
  return findIn('reading an archive', () =>
    ifUnchanged(async () => {
      const conditions = { ifMatch: etag };
      return buffer(bodyOf(await storage.images.getBlobClient(blob).download(start, count, { conditions })));
    }),
  );
}

/**
 * A stretch of an archive as a stream. Undefined where the archive is gone.
 * @param etag where only the blob that was seen is meant: then undefined where it has changed, too
 */
export async function streamBytes(
  storage: Storage,
  blob: string,
  start: number,
  count: number,
  etag?: string,
): Promise<Readable | undefined> {
  return findIn('reading an archive', () =>
    ifUnchanged(async () => {
      const conditions = etag === undefined ? {} : { ifMatch: etag };
      return Readable.from(
        bodyOf(await storage.images.getBlobClient(blob).download(start, count, { conditions })),
      );
    }),
  );
}

async function ifUnchanged<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (hasStatus(error, 412)) return undefined;
    throw error;
  }
}
