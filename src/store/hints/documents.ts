import { type Digest, matchesDigest } from '../../image/digest.ts';
import { documentName } from './hintNames.ts';
import { hasStatus, type Storage, storing } from '../storage.ts';

/** A manifest, index or config as the registry sent it, kept so that one digest costs one pull in its life. */
export interface StoredDocument {
  readonly bytes: Uint8Array;
  readonly mediaType: string | undefined;
}

/** Undefined where it is not kept, or where what is kept does not match its digest. */
export async function readDocument(storage: Storage, digest: Digest): Promise<StoredDocument | undefined> {
  return storing('reading a manifest', async () => {
    try {
      const blob = storage.index.getBlobClient(documentName(digest));
      const answer = await blob.download();
      const chunks: Uint8Array[] = [];
      for await (const chunk of answer.readableStreamBody ?? []) chunks.push(chunk as Buffer);
      const bytes = Buffer.concat(chunks);
      return matchesDigest(bytes, digest) ? { bytes, mediaType: answer.contentType } : undefined;
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  });
}

export async function writeDocument(
  storage: Storage,
  digest: Digest,
  document: StoredDocument,
): Promise<void> {
  const { bytes, mediaType } = document;
  await storing('keeping a manifest', () =>
    storage.index.getBlockBlobClient(documentName(digest)).upload(Buffer.from(bytes), bytes.length, {
      ...(mediaType !== undefined && { blobHTTPHeaders: { blobContentType: mediaType } }),
    }),
  );
}
