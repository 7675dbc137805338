import { buffer } from 'node:stream/consumers';
import { type Digest, isDigest, matchesDigest } from '../../image/digest.ts';
import type { Document } from '../../image/document.ts';
import { bodyOf, findIn, type Storage } from '../storage.ts';
import { Turns } from '../turns.ts';
import { DOCUMENTS, documentName } from './hintNames.ts';
import { deleteHint, listHints } from './hints.ts';
import { writeHint } from './writeHint.ts';

/**
 * Documents are kept as their registry sent them, so that one digest costs one pull in its life. Bytes alone: what a
 * document is, and its media type, follow from them each time, so that nobody can say it for others.
 */
export type KeptDocument = Pick<Document, 'digest' | 'bytes'>;

/** Nearly every document is smaller. */
const LARGE_BYTES = 256 * 1024;
/** Without turns, a crowd of large documents would be in memory all at once. */
const largeTurns = new Turns(1);

/** Undefined where it is not kept, or where what is kept does not match its digest. */
export async function readDocument(storage: Storage, digest: Digest): Promise<KeptDocument | undefined> {
  const bytes = await findIn('reading a document', async () => {
    const answer = await storage.index.getBlobClient(documentName(digest)).download();
    const read = (): Promise<Buffer> => buffer(bodyOf(answer));
    return (answer.contentLength ?? 0) > LARGE_BYTES ? largeTurns.run(read) : read();
  });
  return bytes !== undefined && matchesDigest(bytes, digest) ? { digest, bytes } : undefined;
}

/** @param document one that was understood: what cannot be cached is not kept either */
export async function writeDocument(storage: Storage, { digest, bytes }: KeptDocument): Promise<void> {
  const write = (): Promise<unknown> =>
    writeHint(storage, documentName(digest), bytes, { contentType: 'application/octet-stream' });
  // Whoever waits to write a large one has it in memory; it is a hint, and can be left out.
  if (bytes.length <= LARGE_BYTES) await write();
  else if (!largeTurns.isFull) await largeTurns.run(write);
}

export async function deleteDocument(storage: Storage, digest: Digest): Promise<void> {
  await deleteHint(storage, documentName(digest));
}

/** The digests of all documents that are kept, with when each was written. */
export async function* keptDocuments(
  storage: Storage,
): AsyncGenerator<{ readonly digest: Digest; readonly written: Date }> {
  for await (const { name, written } of listHints(storage, DOCUMENTS)) {
    const digest = name.slice(DOCUMENTS.length).replace('/', ':');
    if (isDigest(digest)) yield { digest, written };
  }
}
