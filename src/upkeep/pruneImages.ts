import { forgetAliases, sweepDocuments, sweepHolders } from '../catalog/forgetImages.ts';
import { StoreChange } from '../catalog/storeChange.ts';
import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import { parseReference } from '../image/reference.ts';
import {
  allArchives,
  archivePages,
  type CachedImage,
  deleteArchive,
  type Deletion,
} from '../store/archive/archives.ts';
import { repositoryFolder } from '../store/archive/archiveNames.ts';
import { type PrunedImage, type PruneReport, PruneTally } from './pruneReport.ts';
import { type PruneRules, standingOf } from './pruneRules.ts';
import { UsageHistogram } from './usageHistogram.ts';

const DAY_MS = 24 * 3600 * 1000;
/** A run may be about to use a document that no archive needs yet, or have committed since archives were listed. */
const HINT_DAYS = 1;
/** Deletes that are under way at a time. */
const AT_ONCE = 16;

export interface PruneOptions {
  readonly now?: Date;
  /** Says what would go, and deletes nothing. What storage holds back only the attempt would show. */
  readonly dryRun?: boolean;
  /** Nothing new is begun after that, in milliseconds of Date.now(). */
  readonly deadline?: number;
  /** Hears of each image that is gone, as it goes. */
  readonly onDeleted?: (image: PrunedImage) => void;
}

/**
 * Deletes archives that nobody used for PRUNE_AFTER_DAYS, and of the others the least recently used, until MAX_CACHE_BYTES
 * suffice. Each delete is conditional on the blob as it was listed, so an image that a node uses at this very moment
 * stays; one that fails does not end the run. With them go the hints about them, and the documents that no archive needs.
 *
 * The catalogue is gone through once, and once more before where there is a budget, page by page: memory does not grow
 * with it.
 */
export async function pruneImages(
  { config, storage }: CacheContext,
  { now = new Date(), dryRun = false, deadline = Infinity, onDeleted }: PruneOptions = {},
): Promise<PruneReport> {
  const tally = new PruneTally();
  const change = new StoreChange();
  const isLate = (): boolean => Date.now() > deadline;
  const budget = await planBudget({ config, storage }, now, isLate);
  const erase = dryRun ? pretend : (image: CachedImage) => deleteArchive(storage, image);

  const settle = async ({ image, reason }: Doomed): Promise<void> => {
    const { blob, image: name, size, lastUsed } = image;
    const doomed = { blob, image: name, size, lastUsed, reason };
    const deletion = await erase(image).catch(failure);
    if (deletion === 'deleted') {
      tally.deleted.add(doomed);
      change.remove(image);
      onDeleted?.(doomed);
      return;
    }
    if (deletion === 'held') tally.held.add(doomed);
    else if (deletion !== 'changed') tally.failed.add({ ...doomed, detail: deletion.message });
    tally.keep(image);
    change.leave(image);
  };

  for await (const { images } of archivePages(storage)) {
    const doomed: Doomed[] = [];
    for (const image of images) {
      const reason = isLate() ? undefined : budget.reasonFor(image);
      if (reason !== undefined) doomed.push({ image, reason });
      else {
        tally.keep(image);
        change.leave(image);
      }
    }
    while (doomed.length > 0) {
      if (isLate()) for (const { image } of doomed.splice(0)) tally.keep(image);
      await Promise.all(doomed.splice(0, AT_ONCE).map(settle));
    }
    if (isLate()) {
      tally.complete = false;
      break;
    }
  }
  if (!dryRun) await forget({ storage }, change, tally.complete, now);
  return tally.report(config.maxCacheBytes);
}

interface Doomed {
  readonly image: CachedImage;
  readonly reason: string;
}

/** What is due by age, and what has to make room. */
interface Budget {
  /** Why an image goes, as a sentence; undefined where it stays. To be asked once of each, in the catalogue's order. */
  reasonFor(image: CachedImage): string | undefined;
}

async function planBudget(
  { config, storage }: Pick<CacheContext, 'config' | 'storage'>,
  now: Date,
  isLate: () => boolean,
): Promise<Budget> {
  const rules: PruneRules = config;
  const { maxCacheBytes } = rules;
  const histogram = new UsageHistogram();
  let staying = 0;
  if (maxCacheBytes !== undefined)
    for await (const { images } of archivePages(storage)) {
      if (isLate()) break;
      for (const image of images) {
        const standing = standingOf(image, rules, now);
        if (typeof standing === 'object') continue;
        staying += image.size;
        if (standing === 'spare') histogram.add(image.lastUsed, image.size);
      }
    }
  const excess = maxCacheBytes === undefined ? 0 : Math.max(0, staying - maxCacheBytes);
  const cut = histogram.cutToFree(excess);
  let within = cut.bytes;
  return {
    reasonFor: (image) => {
      const standing = standingOf(image, rules, now);
      if (typeof standing === 'object') return standing.due;
      if (standing !== 'spare' || excess === 0) return undefined;
      const slot = histogram.slotOf(image.lastUsed);
      if (slot > cut.slot || (slot === cut.slot && within <= 0)) return undefined;
      if (slot === cut.slot) within -= image.size;
      return `The archives take more than the ${maxCacheBytes ?? 0} bytes of MAX_CACHE_BYTES, and of those that may go it is among the least recently used (${image.lastUsed}).`;
    },
  };
}

async function forget(
  { storage }: Pick<CacheContext, 'storage'>,
  change: StoreChange,
  isComplete: boolean,
  now: Date,
): Promise<void> {
  if (!isComplete)
    // What was not looked at may need documents and layers. Of the repositories where something went, it is looked at.
    for (const repository of change.repositories)
      for await (const image of allArchives(storage, repositoryFolder(parseReference(repository))))
        change.leave(image);
  await forgetAliases(storage, change);
  if (!isComplete) return;
  const young = new Date(now.getTime() - HINT_DAYS * DAY_MS);
  await sweepDocuments(storage, change, young);
  await sweepHolders(storage, change, young);
}

function pretend(): Promise<Deletion> {
  return Promise.resolve('deleted');
}

function failure(error: unknown): CacheError {
  if (error instanceof CacheError) return error;
  throw error;
}
