import type { CachedImage } from '../store/archive/archives.ts';

export interface PrunedImage extends Pick<CachedImage, 'blob' | 'image' | 'size' | 'lastUsed'> {
  /** Why it was to go, as a sentence. */
  readonly reason: string;
}

/** One that is still there because storage did not do it. */
export interface FailedDelete extends PrunedImage {
  /** What went wrong, as a sentence. */
  readonly detail: string;
}

/** Images that had one fate: all are counted, the first ones named. */
export interface Tally<T extends PrunedImage> {
  readonly count: number;
  readonly bytes: number;
  /** At most NAMED. */
  readonly images: readonly T[];
}

/** What a report names of each fate: its size does not depend on the store's. */
export const NAMED = 1000;

export interface PruneReport {
  readonly kept: number;
  /** Of the archives that are kept. */
  readonly keptBytes: number;
  readonly deleted: Tally<PrunedImage>;
  /** To go, but held by a lease, a legal hold or a policy of the account; counted in `kept` as well. */
  readonly held: Tally<PrunedImage>;
  /** To go, but storage failed; counted in `kept` as well. The next run tries again. */
  readonly failed: Tally<FailedDelete>;
  /** Bytes by which what is left exceeds MAX_CACHE_BYTES; 0 where it does not, or there is no limit. */
  readonly overBudgetBytes: number;
  /** False where time was up: not all was looked at. The next run goes on. */
  readonly complete: boolean;
}

/** A report in the making. */
export class PruneTally {
  kept = 0;
  keptBytes = 0;
  complete = true;
  readonly deleted = new Fates<PrunedImage>();
  readonly held = new Fates<PrunedImage>();
  readonly failed = new Fates<FailedDelete>();

  keep({ size }: CachedImage): void {
    this.kept += 1;
    this.keptBytes += size;
  }

  report(maxCacheBytes: number | undefined): PruneReport {
    const { kept, keptBytes, complete, deleted, held, failed } = this;
    const overBudgetBytes = Math.max(0, keptBytes - (maxCacheBytes ?? Infinity));
    return { kept, keptBytes, complete, overBudgetBytes, deleted, held, failed };
  }
}

class Fates<T extends PrunedImage> implements Tally<T> {
  count = 0;
  bytes = 0;
  readonly images: T[] = [];

  add(image: T): void {
    this.count += 1;
    this.bytes += image.size;
    if (this.images.length < NAMED) this.images.push(image);
  }
}
