import { type Digest, matchesDigest } from '../../image/digest.ts';
import type { Document } from '../../image/document.ts';
import { readBlob, type Storage, storing } from '../storage.ts';
import { documentName } from './hintNames.ts';

/** Documents are kept as their registry sent them, so that one digest costs one pull in its life. */

/** Undefined where it is not kept, or where what is kept does not match its digest. */
export async function readDocument(storage: Storage, digest: Digest): Promise<Document | undefined> {
  const found = await readBlob('reading a document', storage.index.getBlobClient(documentName(digest)));
  if (found === undefined || !matchesDigest(found.bytes, digest)) return undefined;
  return { digest, mediaType: found.contentType, bytes: found.bytes };
}

/** @param document its media type is the one that it was understood as */
export async function writeDocument(storage: Storage, { digest, mediaType, bytes }: Document): Promise<void> {
  await storing('keeping a document', () =>
    storage.index.getBlockBlobClient(documentName(digest)).upload(Buffer.from(bytes), bytes.length, {
      blobHTTPHeaders: { blobContentType: mediaType },
    }),
  );
}
