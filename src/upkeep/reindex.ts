import { openArchive } from '../catalog/openArchive.ts';
import type { CacheContext } from '../context.ts';
import { parseReference } from '../image/reference.ts';
import { archiveName } from '../store/archive/archiveNames.ts';
import { type CachedImage, listArchives, type OtherBlob } from '../store/archive/archives.ts';
import { readManifestOf, rebuildTag, writeManifestOf } from '../store/hints/aliases.ts';
import { writeDocument } from '../store/hints/documents.ts';
import { writeHolder } from '../store/hints/layers.ts';
import type { Storage } from '../store/storage.ts';

export interface ReindexedPage {
  /** Archives whose hints are there now. */
  readonly indexed: number;
  /** Blobs that are no archives, or not known to be yet. */
  readonly others: readonly OtherBlob[];
  /** To go on with; undefined on the last page. */
  readonly continuation: string | undefined;
}

/** Archives of one page: what is read of them, and written, takes some seconds. */
const PAGE_SIZE = 100;
const AT_ONCE = 8;

/**
 * Rebuilds the hints about one page of archives from the archives themselves: aliases of tags, indexes and image ids,
 * holders of layers, documents. What registries said since stands, and nothing is deleted: run twice, or beside
 * anything else, it does no harm.
 * @throws {CacheError} storage_unavailable; invalid_request where the continuation is none
 */
export async function reindexPage(
  { storage }: Pick<CacheContext, 'storage'>,
  continuation?: string,
): Promise<ReindexedPage> {
  const page = await listArchives(storage, {
    prefix: '',
    pageSize: PAGE_SIZE,
    ...(continuation !== undefined && { continuation }),
  });
  for (let start = 0; start < page.images.length; start += AT_ONCE)
    await Promise.all(page.images.slice(start, start + AT_ONCE).map((image) => reindex(storage, image)));
  return { indexed: page.images.length, others: page.others, continuation: page.continuation };
}

async function reindex(storage: Storage, cached: CachedImage): Promise<void> {
  const { blob, image, platform, manifestDigest, indexDigest, imageId, adopted, createdAt } = cached;
  const ref = parseReference(image);
  const made = new Date(createdAt);
  // What is found under a name of its own is found by listing its folder alone.
  if (archiveName(ref, manifestDigest) === blob) {
    const tagged = adopted === undefined ? (indexDigest ?? manifestDigest) : manifestDigest;
    const tags = new Set([...(ref.tag === undefined ? [] : [ref.tag]), ...(adopted?.tags ?? [])]);
    for (const tag of tags) await rebuildTag(storage, ref, tag, tagged, made);
    for (const digest of [manifestDigest, indexDigest, imageId])
      if (digest !== undefined && (await readManifestOf(storage, ref, digest, platform)) === undefined)
        await writeManifestOf(storage, ref, digest, platform, manifestDigest);
  }
  const archive = adopted === undefined ? await openArchive(storage, cached) : undefined;
  if (archive === undefined) return;
  const { manifest, config, layers } = archive.image;
  for (const document of [manifest, config]) await writeDocument(storage, document);
  await writeHolder(storage, blob, [config.digest, ...layers.map(({ digest }) => digest)]);
}
