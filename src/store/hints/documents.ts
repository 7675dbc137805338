import { type Digest, matchesDigest } from '../../image/digest.ts';
import type { Document } from '../../image/document.ts';
import { readBlob, type Storage, storing } from '../storage.ts';
import { documentName } from './hintNames.ts';

/**
 * Documents are kept as their registry sent them, so that one digest costs one pull in its life. Bytes alone: what a
 * document is, and its media type, follow from them each time, so that nobody can say it for others.
 */
export type KeptDocument = Pick<Document, 'digest' | 'bytes'>;

/** Undefined where it is not kept, or where what is kept does not match its digest. */
export async function readDocument(storage: Storage, digest: Digest): Promise<KeptDocument | undefined> {
  const found = await readBlob('reading a document', storage.index.getBlobClient(documentName(digest)));
  if (found === undefined || !matchesDigest(found.bytes, digest)) return undefined;
  return { digest, bytes: found.bytes };
}

/** @param document one that was understood: what cannot be cached is not kept either */
export async function writeDocument(storage: Storage, { digest, bytes }: KeptDocument): Promise<void> {
  await storing('keeping a document', () =>
    storage.index.getBlockBlobClient(documentName(digest)).upload(Buffer.from(bytes), bytes.length),
  );
}
