import { documentsOf, forgetImages, type HintedImage } from '../catalog/forgetImages.ts';
import type { CacheContext } from '../context.ts';
import { allArchives, type CachedImage, deleteArchive } from '../store/archive/archives.ts';
import { deleteDocumentsBefore } from '../store/hints/documents.ts';
import { deleteHoldersWhere } from '../store/hints/layers.ts';
import { reasonToPrune } from './pruneRules.ts';

const DAY_MS = 24 * 3600 * 1000;
/** A run may be about to use a document that no archive needs yet, or have committed since archives were listed. */
const HINT_DAYS = 1;

type Found = HintedImage & Pick<CachedImage, 'blob'>;

export interface PrunedImage extends Pick<CachedImage, 'blob' | 'image' | 'size' | 'lastUsed'> {
  /** Why it was due, as a sentence. */
  readonly reason: string;
}

export interface PruneReport {
  readonly kept: number;
  /** Of the archives that are kept. */
  readonly keptBytes: number;
  readonly deleted: readonly PrunedImage[];
  /** Due, but held by a lease, a legal hold or a policy of the account; counted in `kept` as well. */
  readonly held: readonly PrunedImage[];
}

/**
 * Deletes archives that nobody used for PRUNE_AFTER_DAYS. Each delete is conditional on the blob as it was listed,
 * so an image that a node uses at this very moment stays. With them go the hints about them, and the documents that
 * no archive needs.
 */
export async function pruneImages({ config, storage }: CacheContext, now = new Date()): Promise<PruneReport> {
  const [left, gone]: [Found[], Found[]] = [[], []];
  const [deleted, held]: [PrunedImage[], PrunedImage[]] = [[], []];
  let keptBytes = 0;
  for await (const image of allArchives(storage)) {
    const { blob, image: name, manifestDigest, indexDigest, imageId } = image;
    const due = dueImage(image, config.pruneAfterDays, now);
    const deletion = due === undefined ? 'changed' : await deleteArchive(storage, image);
    (deletion === 'deleted' ? gone : left).push({ blob, image: name, manifestDigest, indexDigest, imageId });
    if (deletion !== 'deleted') keptBytes += image.size;
    if (due !== undefined && deletion === 'deleted') deleted.push(due);
    if (due !== undefined && deletion === 'held') held.push(due);
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

/** What pruneImages would delete now; nothing is. What storage holds back only the attempt would show. */
export async function planPrune({ config, storage }: CacheContext, now = new Date()): Promise<PruneReport> {
  let [kept, keptBytes] = [0, 0];
  const deleted: PrunedImage[] = [];
  for await (const image of allArchives(storage)) {
    const due = dueImage(image, config.pruneAfterDays, now);
    if (due !== undefined) {
      deleted.push(due);
      continue;
    }
    kept += 1;
    keptBytes += image.size;
  }
  return { kept, keptBytes, deleted, held: [] };
}

function dueImage(
  { blob, image, size, lastUsed }: CachedImage,
  pruneAfterDays: number,
  now: Date,
): PrunedImage | undefined {
  const reason = reasonToPrune(lastUsed, pruneAfterDays, now);
  return reason === undefined ? undefined : { blob, image, size, lastUsed, reason };
}
