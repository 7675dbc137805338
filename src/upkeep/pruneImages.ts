import { documentsOf, forgetImages, type HintedImage } from '../catalog/forgetImages.ts';
import type { CacheContext } from '../context.ts';
import { isoSeconds } from '../store/archive/archiveMetadata.ts';
import { allArchives, type CachedImage, deleteArchive } from '../store/archive/archives.ts';
import { deleteDocumentsBefore } from '../store/hints/documents.ts';
import { deleteHoldersWhere } from '../store/hints/layers.ts';

const DAY_MS = 24 * 3600 * 1000;
/** A run may be about to use a document that no archive needs yet, or have committed since archives were listed. */
const HINT_DAYS = 1;

type Found = HintedImage & Pick<CachedImage, 'blob'>;
type Reported = Pick<CachedImage, 'blob' | 'size' | 'lastUsed'>;

export interface PruneReport {
  readonly kept: number;
  /** Of the archives that are kept. */
  readonly keptBytes: number;
  readonly deleted: readonly Reported[];
  /** Due, but held by a lease, a legal hold or a policy of the account; counted in `kept` as well. */
  readonly held: readonly Reported[];
}

/**
 * Deletes archives that nobody used for PRUNE_AFTER_DAYS. Each delete is conditional on the blob as it was listed,
 * so an image that a node uses at this very moment stays. With them go the hints about them, and the documents that
 * no archive needs.
 */
export async function pruneImages({ config, storage }: CacheContext, now = new Date()): Promise<PruneReport> {
  const oldest = isoSeconds(new Date(now.getTime() - config.pruneAfterDays * DAY_MS));
  const [left, gone]: [Found[], Found[]] = [[], []];
  const [deleted, held]: [Reported[], Reported[]] = [[], []];
  let keptBytes = 0;
  for await (const image of allArchives(storage)) {
    const { blob, size, lastUsed, image: name, manifestDigest, indexDigest, imageId } = image;
    const deletion = lastUsed < oldest ? await deleteArchive(storage, image) : 'changed';
    (deletion === 'deleted' ? gone : left).push({ blob, image: name, manifestDigest, indexDigest, imageId });
    if (deletion === 'deleted') deleted.push({ blob, size, lastUsed });
    else keptBytes += size;
    if (deletion === 'held') held.push({ blob, size, lastUsed });
  }
  await forgetImages(storage, gone, left);
  const young = new Date(now.getTime() - HINT_DAYS * DAY_MS);
  await deleteDocumentsBefore(storage, young, documentsOf(left));
  const [there, removed] = [left, deleted].map((images) => new Set(images.map(({ blob }) => blob)));
  await deleteHoldersWhere(
    storage,
    (archive, written) => removed?.has(archive) === true || (written < young && there?.has(archive) !== true),
  );
  return { kept: left.length, keptBytes, deleted, held };
}
