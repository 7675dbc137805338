import type { ImageView } from './views.ts';

/** What the operator's page is shown beside the catalogue. Times are ISO 8601 in UTC, sizes bytes. */

/** `GET /api/runs`: images on their way, and images that failed, each kind newest first. */
export interface RunsView {
  readonly images: readonly RunView[];
}

/** An image of state `pending` or `failed`, with its run's times. */
export interface RunView extends ImageView {
  readonly startedAt: string;
  readonly updatedAt: string;
}

/** `GET /api/statistics`. */
export interface StatisticsView {
  readonly now: StoreSize;
  /** Oldest first; an interval of which nothing is known is left out. */
  readonly series: readonly StatisticsPoint[];
}

/** What the store held when it was measured. */
export interface StoreSize {
  readonly images: number;
  readonly bytes: number;
  readonly measuredAt: string;
}

/** One interval: the store's size as it was measured last in it, and how many lookups ended in which way. */
export interface StatisticsPoint {
  /** When the interval begins. */
  readonly time: string;
  readonly images?: number;
  readonly bytes?: number;
  readonly hits?: number;
  readonly stale?: number;
  readonly pending?: number;
  readonly misses?: number;
  readonly failed?: number;
}

/** `POST /api/prune`: what was deleted, or would be. */
export interface PruneView {
  readonly dryRun: boolean;
  readonly pruned: readonly PrunedView[];
  /** Due, but held by a lease, a legal hold or a policy of the account; only trying to delete it shows that. */
  readonly held: readonly PrunedView[];
  readonly kept: number;
  /** Of all that is in `pruned`. */
  readonly bytes: number;
}

export interface PrunedView {
  readonly blob: string;
  readonly image: string;
  readonly size: number;
  readonly lastUsed: string;
  /** A sentence. */
  readonly reason: string;
}
