import { Readable } from 'node:stream';
import { hasStatus, type Storage, storing } from '../storage.ts';

/** The first bytes of an archive, at most `count`. Undefined where the archive is gone. */
export async function readFirstBytes(
  storage: Storage,
  blob: string,
  count: number,
): Promise<Uint8Array | undefined> {
  return storing('reading an archive', async () => {
    try {
      const { readableStreamBody } = await storage.images.getBlobClient(blob).download(0, count);
      const chunks: Uint8Array[] = [];
      for await (const chunk of readableStreamBody ?? []) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  });
}

/** A stretch of an archive as a stream. Undefined where the archive is gone. */
export async function streamBytes(
  storage: Storage,
  blob: string,
  start: number,
  count: number,
): Promise<Readable | undefined> {
  return storing('reading an archive', async () => {
    try {
      const { readableStreamBody } = await storage.images.getBlobClient(blob).download(start, count);
      return readableStreamBody === undefined ? undefined : Readable.from(readableStreamBody);
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  });
}
