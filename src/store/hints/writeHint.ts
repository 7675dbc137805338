import { CacheError } from '../../errors.ts';
import { hasStatus, type Storage, writing } from '../storage.ts';

export interface HintOptions {
  readonly contentType?: string;
  /** Only where it is still as it was read; null: only where there is none. */
  readonly ifMatch?: string | null;
}

/**
 * Writes a hint. Where storage refuses, the hint is missing, which is no error of what is being done: it is found
 * again or asked for again.
 * @returns false where somebody else was faster
 */
export async function writeHint(
  { index }: Storage,
  blob: string,
  body: Uint8Array | string,
  { contentType = 'application/json', ifMatch }: HintOptions = {},
): Promise<boolean> {
  const bytes = Buffer.from(body);
  try {
    return await writing('keeping a hint', index, async () => {
      try {
        await index.getBlockBlobClient(blob).upload(bytes, bytes.length, {
          blobHTTPHeaders: { blobContentType: contentType },
          ...(ifMatch !== undefined && {
            conditions: ifMatch === null ? { ifNoneMatch: '*' } : { ifMatch },
          }),
        });
        return true;
      } catch (error) {
        if (ifMatch !== undefined && hasStatus(error, 409, 412)) return false;
        throw error;
      }
    });
  } catch (error) {
    if (error instanceof CacheError) return true;
    throw error;
  }
}
