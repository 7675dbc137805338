import { type Digest, matchesDigest } from '../../image/digest.ts';
import type { Document } from '../../image/document.ts';
import { readBlob, type Storage } from '../storage.ts';
import { DOCUMENTS, documentName } from './hintNames.ts';
import { deleteHint, listHints } from './hints.ts';
import { writeHint } from './writeHint.ts';

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
  await writeHint(storage, documentName(digest), bytes, { contentType: 'application/octet-stream' });
}

export async function deleteDocument(storage: Storage, digest: Digest): Promise<void> {
  await deleteHint(storage, documentName(digest));
}

/** Deletes the documents that were written before then, and that no archive needs. */
export async function deleteDocumentsBefore(
  storage: Storage,
  oldest: Date,
  needed: ReadonlySet<Digest>,
): Promise<void> {
  const names = new Set([...needed].map(documentName));
  for await (const { name, written } of listHints(storage, DOCUMENTS))
    if (written < oldest && !names.has(name)) await deleteHint(storage, name);
}
