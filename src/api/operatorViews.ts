import * as z from 'zod/mini';
import { COMPONENTS, count, optionalText, type Parsed, text, time } from './schema.ts';
import { FailureView, ImageView, OtherView } from './views.ts';

/** What operators see beside the images: what runs, how the cache did, and what prune deletes. */

/** An image that is on its way, or could not be cached. */
export const RunView = z
  .extend(ImageView, {
    startedAt: time('When it was asked for.'),
    updatedAt: time('When it last came a step further, or failed.'),
  })
  .register(COMPONENTS, { id: 'Run', description: 'An image that is on its way, or could not be cached.' });
export type RunView = Parsed<typeof RunView>;

export const RunsView = z
  .object({ images: z.array(RunView) })
  .register(COMPONENTS, { id: 'Runs', description: 'What is on its way and what failed, newest first.' });
export type RunsView = Parsed<typeof RunsView>;

const some = (description: string) => z.exactOptional(count(description));

/** How the cache did in one span of time; what was not counted is left out. */
export const StatisticsPoint = z
  .object({
    time: time('When the span begins.'),
    images: some('Images that were cached then.'),
    bytes: some('Bytes that they took.'),
    hits: some('Lookups that were served.'),
    stale: some("Lookups that were served a tag's older image."),
    pending: some('Lookups of what was on its way.'),
    misses: some('Lookups of what was neither cached nor on its way.'),
    failed: some('Lookups that failed.'),
  })
  .register(COMPONENTS, { id: 'StatisticsPoint', description: 'How the cache did in one span of time.' });

export type StatisticsPoint = Parsed<typeof StatisticsPoint>;

export const StoreSize = z
  .object({
    images: count('Images that are cached.'),
    bytes: count('Bytes that they take.'),
    measuredAt: time('When that was counted.'),
  })
  .register(COMPONENTS, { id: 'StoreSize', description: 'What is cached, in figures.' });
export type StoreSize = Parsed<typeof StoreSize>;

export const StatisticsView = z
  .object({
    now: StoreSize,
    series: z.array(StatisticsPoint),
  })
  .register(COMPONENTS, {
    id: 'Statistics',
    description: 'What is cached, and how the cache did, oldest first.',
  });
export type StatisticsView = Parsed<typeof StatisticsView>;

export const ReindexView = z
  .object({
    indexed: count('Archives of this page whose hints are there now.'),
    others: z.array(OtherView).check(z.describe('Blobs of this page that are no archives, or being read.')),
    continuation: optionalText('Pass it on to go on; absent on the last page.'),
  })
  .register(COMPONENTS, { id: 'Reindexed', description: 'What was rebuilt of one page of the catalogue.' });
export type ReindexView = Parsed<typeof ReindexView>;

/** An image that the settings want kept ready. */
export const WarmedView = z
  .extend(ImageView, { wantedBy: text('WARM_IMAGES, or the entry of WARM_REPOSITORIES that names it.') })
  .register(COMPONENTS, { id: 'WarmedImage', description: 'An image that the settings want kept ready.' });
export type WarmedView = Parsed<typeof WarmedView>;

export const WarmView = z
  .object({
    dryRun: z.boolean().check(z.describe('Whether nothing was cached; absent is then what would be.')),
    complete: z
      .boolean()
      .check(
        z.describe(
          'False where time was up before all had been asked for: ask again, or leave it to the timer.',
        ),
      ),
    images: z.array(WarmedView),
    failures: z
      .array(z.object({ wantedBy: text('The entry of WARM_REPOSITORIES.'), error: FailureView }))
      .check(z.describe('What could not be listed, or not to its end.')),
  })
  .register(COMPONENTS, { id: 'WarmReport', description: 'What is kept ready, and how it stands with it.' });
export type WarmView = Parsed<typeof WarmView>;

/** An archive that prune looked at. */
export const PrunedView = z
  .object({
    blob: text("The archive's name in its container."),
    image: text("With Docker's defaults written out."),
    size: count('Bytes of the archive.'),
    lastUsed: time('When it was asked for last.'),
    reason: text('Why it goes, or why it could not.'),
  })
  .register(COMPONENTS, { id: 'PrunedImage', description: 'An archive that nobody used for long.' });

export type PrunedView = Parsed<typeof PrunedView>;

export const FailedDeleteView = z
  .extend(PrunedView, { detail: text('What went wrong.') })
  .register(COMPONENTS, { id: 'FailedDelete', description: 'An archive that storage failed to delete.' });

export const PruneView = z
  .object({
    dryRun: z.boolean().check(z.describe('Whether nothing was deleted.')),
    complete: z
      .boolean()
      .check(
        z.describe(
          'False where time was up, or something was not swept: ask again, or leave it to the timer.',
        ),
      ),
    pruned: z.array(PrunedView).check(z.describe('What was deleted, or would be: the first 1000.')),
    prunedCount: count('How many those are in all.'),
    held: z
      .array(PrunedView)
      .check(z.describe('What something else holds, such as a lease: the first 1000.')),
    heldCount: count('How many those are in all.'),
    failed: z
      .array(FailedDeleteView)
      .check(z.describe('What storage failed to delete: the first 1000. The next run tries again.')),
    failedCount: count('How many those are in all.'),
    kept: count('Images that stay.'),
    bytes: count('Bytes that were freed, or would be.'),
    overBudgetBytes: count('Bytes by which what stays exceeds MAX_CACHE_BYTES.'),
  })
  .register(COMPONENTS, { id: 'PruneReport', description: 'What prune did, or would do.' });
export type PruneView = Parsed<typeof PruneView>;
