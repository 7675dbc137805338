import { parseManifest } from '../image/manifest.ts';
import { INDEX_TYPES } from '../image/mediaTypes.ts';
import type { Digest } from '../image/digest.ts';
import { parseReference, type RepositoryName } from '../image/reference.ts';
import { deleteManifestAliases, readKeptTag, replaceTag } from '../store/hints/aliases.ts';
import { deleteDocument, type KeptDocument, keptDocuments, readDocument } from '../store/hints/documents.ts';
import { deleteHint, listHints } from '../store/hints/hints.ts';
import { tagAliasFolder } from '../store/hints/hintNames.ts';
import { deleteHoldersWhere } from '../store/hints/layers.ts';
import type { Storage } from '../store/storage.ts';
import type { StoreChange } from './storeChange.ts';

/** An index may list indexes, as deep as src/runs/fetchImage.ts follows them. */
const MAX_INDEX_DEPTH = 4;

/** Deletes the aliases of archives that went: nothing that stood for a deleted image stands for it any more. */
export async function forgetAliases(storage: Storage, change: StoreChange): Promise<void> {
  for (const repository of change.repositories) {
    const name = parseReference(repository);
    await forgetTags(storage, name, change);
    await deleteManifestAliases(storage, name, (manifest) => change.leadsTo(name, manifest) === 'gone');
  }
}

/** Deletes a document, and with an index the indexes that it lists, unless a left archive needs them. */
export async function forgetDocument(
  storage: Storage,
  digest: Digest,
  change: StoreChange,
  depth = MAX_INDEX_DEPTH,
): Promise<void> {
  if (change.isNeeded(digest)) return;
  const document = depth === 0 ? undefined : await readDocument(storage, digest);
  for (const listed of document === undefined ? [] : indexesIn(document))
    await forgetDocument(storage, listed, change, depth - 1);
  await deleteDocument(storage, digest);
}

/** Goes through all documents: deletes those of archives that went, and those that were written before `young`. */
export async function sweepDocuments(storage: Storage, change: StoreChange, young: Date): Promise<void> {
  for await (const { digest, written } of keptDocuments(storage)) {
    if (change.isForgotten(digest) && change.wasIndex(digest)) await forgetDocument(storage, digest, change);
    else if (change.isForgotten(digest) || (written < young && !change.isNeeded(digest)))
      await deleteDocument(storage, digest);
  }
}

/** Goes through what is said of layers: deletes it where its archive went, or was not there before `young` already. */
export async function sweepHolders(storage: Storage, change: StoreChange, young: Date): Promise<void> {
  await deleteHoldersWhere(
    storage,
    (archive, written) => change.isGone(archive) || (written < young && !change.isThere(archive)),
  );
}

/** A document that is no index lists none. */
function indexesIn({ bytes }: KeptDocument): Digest[] {
  try {
    const parsed = parseManifest(bytes, undefined, 'a kept document');
    if (parsed.kind !== 'index') return [];
    return parsed.manifests.filter(({ mediaType }) => INDEX_TYPES.has(mediaType)).map(({ digest }) => digest);
  } catch {
    return [];
  }
}

/**
 * Tags that stood for a deleted image stand for nothing until a registry is asked again: an older image must not
 * come back under the name of what was deleted.
 */
async function forgetTags(storage: Storage, name: RepositoryName, change: StoreChange): Promise<void> {
  const folder = tagAliasFolder(name);
  const isGone = (digest: Digest | undefined): boolean =>
    digest !== undefined && change.leadsTo(name, digest) === 'gone';
  for await (const { name: blob } of listHints(storage, folder)) {
    const kept = await readKeptTag(storage, blob);
    const alias = kept?.alias;
    if (!alias?.digests.some(isGone)) continue;
    const isNewestGone = isGone(alias.digests[0]);
    const rest = isNewestGone ? [] : alias.digests.filter((digest) => !isGone(digest));
    const tag = blob.slice(folder.length, -'.json'.length);
    const hasOlder =
      change.hasTagged(name, tag) || alias.digests.some((digest) => change.leadsTo(name, digest) === 'left');
    if (isNewestGone && !hasOlder) await deleteHint(storage, blob);
    else await replaceTag(storage, blob, { digests: rest, asked: alias.asked }, kept?.etag);
  }
}
