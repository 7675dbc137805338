import { type Digest, isDigest } from '../image/digest.ts';
import { isObject, parseJsonObject } from '../image/json.ts';
import { INDEX_TYPES } from '../image/mediaTypes.ts';
import { parseReference, type RepositoryName } from '../image/reference.ts';
import type { CachedImage } from '../store/archive/archives.ts';
import { deleteManifestAliases, readKeptTag, replaceTag } from '../store/hints/aliases.ts';
import { deleteDocument, readDocument } from '../store/hints/documents.ts';
import { deleteHint, listHints } from '../store/hints/hints.ts';
import { tagAliasFolder } from '../store/hints/hintNames.ts';
import type { Storage } from '../store/storage.ts';

/** What an image's archive says that is needed of the hints. */
export type HintedImage = Pick<CachedImage, 'image' | 'manifestDigest' | 'indexDigest' | 'imageId'>;

/** An index may list indexes, as deep as src/runs/fetchImage.ts follows them. */
const MAX_INDEX_DEPTH = 4;

/**
 * Deletes the hints about archives that were deleted: documents, unless an archive that is left needs them, and
 * aliases. Nothing of a deleted image stays readable.
 * @param left all archives that are still there
 */
export async function forgetImages(
  storage: Storage,
  gone: readonly HintedImage[],
  left: readonly HintedImage[],
): Promise<void> {
  const needed = documentsOf(left);
  for (const digest of documentsOf(gone)) await forgetDocument(storage, digest, needed, MAX_INDEX_DEPTH);
  for (const [repository, images] of Map.groupBy(gone, repositoryOf)) {
    const name = parseReference(repository);
    const inRepository = left.filter((other) => repositoryOf(other) === repository);
    await forgetTags(storage, name, images, inRepository);
    await deleteManifestAliases(storage, name, new Set(images.map(({ manifestDigest }) => manifestDigest)));
  }
}

/** The digests of the documents that archives were made from. */
export function documentsOf(images: Iterable<HintedImage>): Set<Digest> {
  const digests = new Set<Digest>();
  for (const { manifestDigest, indexDigest, imageId } of images) {
    digests.add(manifestDigest).add(imageId);
    if (indexDigest !== undefined) digests.add(indexDigest);
  }
  return digests;
}

/** With the indexes that an index lists. */
async function forgetDocument(
  storage: Storage,
  digest: Digest,
  needed: ReadonlySet<Digest>,
  depth: number,
): Promise<void> {
  if (needed.has(digest)) return;
  const document = depth === 0 ? undefined : await readDocument(storage, digest);
  const { manifests } = parseJsonObject(Buffer.from(document?.bytes ?? []).toString('utf8')) ?? {};
  for (const entry of Array.isArray(manifests) ? (manifests as unknown[]) : []) {
    if (!isObject(entry) || typeof entry.digest !== 'string' || !isDigest(entry.digest)) continue;
    if (INDEX_TYPES.has(String(entry.mediaType)))
      await forgetDocument(storage, entry.digest, needed, depth - 1);
  }
  await deleteDocument(storage, digest);
}

/**
 * Tags that stood for a deleted image stand for nothing until a registry is asked again: an older image must not
 * come back under the name of what was deleted.
 */
async function forgetTags(
  storage: Storage,
  name: RepositoryName,
  gone: readonly HintedImage[],
  left: readonly HintedImage[],
): Promise<void> {
  const stillThere = digestsOf(left);
  const digests = new Set([...digestsOf(gone)].filter((digest) => !stillThere.has(digest)));
  const folder = tagAliasFolder(name);
  for await (const { name: blob } of listHints(storage, folder)) {
    const kept = await readKeptTag(storage, blob);
    const alias = kept?.alias;
    if (!alias?.digests.some((digest) => digests.has(digest))) continue;
    const [newest] = alias.digests;
    const isGone = newest !== undefined && digests.has(newest);
    const rest = isGone ? [] : alias.digests.filter((digest) => !digests.has(digest));
    const tag = blob.slice(folder.length, -'.json'.length);
    const tagged = `${name.registry}/${name.repository}:${tag}@`;
    const hasOlder =
      left.some(({ image }) => image.startsWith(tagged)) ||
      alias.digests.some((digest) => stillThere.has(digest));
    if (isGone && !hasOlder) await deleteHint(storage, blob);
    else await replaceTag(storage, blob, { digests: rest, asked: alias.asked }, kept?.etag);
  }
}

function digestsOf(images: readonly HintedImage[]): Set<Digest> {
  return new Set(
    images.flatMap(({ manifestDigest, indexDigest }) => [
      manifestDigest,
      ...(indexDigest === undefined ? [] : [indexDigest]),
    ]),
  );
}

function repositoryOf({ image }: Pick<HintedImage, 'image'>): string {
  const { registry, repository } = parseReference(image);
  return `${registry}/${repository}`;
}
