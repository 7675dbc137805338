import type { CacheContext } from '../context.ts';
import { type ImageRequest, parseImageRequest } from '../image/imageRequest.ts';
import type { ListedRun, RunHistory, Runs } from '../runs/messages.ts';
import { Turns } from '../store/turns.ts';
import { type FailedImage, imageState, type PendingImage, withProgress } from './describeImage.ts';

/** An image that is on its way, or that failed, with its run's times. */
export interface ShownRun {
  readonly request: ImageRequest;
  readonly found: PendingImage | FailedImage;
  readonly startedAt: Date;
  readonly updatedAt: Date;
}

export interface RunsWanted {
  /** Both where it is left out. */
  readonly state?: 'pending' | 'failed';
  /** Of each state. */
  readonly limit: number;
}

/**
 * Failures are shown for three days, so that Friday's are there on Monday; the task hub forgets a run after a week. The
 * host lists a hundred runs at a time, one page after another, so that a longer look back would take longer.
 */
const FAILED_DAYS = 3;
const DAY_MS = 24 * 3600 * 1000;

/** Images that are looked at in storage at a time. */
const AT_ONCE = 16;

/**
 * The images that are on their way, with their progress, and those that failed: each kind newest first. Who failed and
 * has been cached, replaced or asked for again since is not shown as failed.
 * @throws {CacheError} storage_unavailable
 */
export async function listRuns(
  context: CacheContext,
  runs: Runs,
  history: RunHistory,
  { state, limit }: RunsWanted,
): Promise<ShownRun[]> {
  const turns = new Turns(AT_ONCE);
  const look = async (
    listed: readonly ListedRun[],
    see: (run: ListedRun, request: ImageRequest) => Promise<ShownRun['found'] | undefined>,
  ): Promise<ShownRun[]> => {
    const newest = listed.toSorted((a, b) => b.startedAt.getTime() - a.startedAt.getTime()).slice(0, limit);
    const shown = await Promise.all(
      newest.map((run) =>
        turns.run(async () => {
          const request = requestOf(run, context);
          const found = request && (await see(run, request));
          return request && found && { request, found, startedAt: run.startedAt, updatedAt: run.updatedAt };
        }),
      ),
    );
    return shown.filter((run) => run !== undefined);
  };

  const pending =
    state === 'failed' ? [] : await look(await history.underWay(), (run) => pendingOf(context, run));
  if (state === 'pending') return pending;
  const ended = await history.endedSince(new Date(Date.now() - FAILED_DAYS * DAY_MS));
  const failed = await look(newestOfEach(ended), async (_run, request) => {
    const found = await imageState(context, runs, request, 'tell of the newest');
    return found.state === 'failed' ? found : undefined;
  });
  return [...pending, ...failed];
}

async function pendingOf(context: CacheContext, { status }: ListedRun): Promise<PendingImage | undefined> {
  if (status.state !== 'pending') return undefined;
  const found = await withProgress(context, status);
  return found.state === 'pending' ? found : undefined;
}

/** Of the failed runs for a tag, or a digest, and a platform, the newest. */
function newestOfEach(ended: readonly ListedRun[]): ListedRun[] {
  const newest = new Map<string, ListedRun>();
  for (const run of ended) {
    if (run.status.state !== 'failed') continue;
    const key = `${askedFor(run.image)} ${run.platform}`;
    const other = newest.get(key);
    if (other === undefined || other.startedAt < run.startedAt) newest.set(key, run);
  }
  return [...newest.values()];
}

/** What a caller asked for, as far as its run tells: a tag where it has one, so that it is what trying again means. */
function askedFor(image: string): string {
  return image.replace(/(:[^/@]+)@.*$/, '$1');
}

/** Undefined for a name that this version does not take any more. */
function requestOf(
  { image, platform, status }: ListedRun,
  { config }: CacheContext,
): ImageRequest | undefined {
  try {
    const requested = status.state === 'failed' ? askedFor(image) : image;
    return { ...parseImageRequest(requested, platform, config.defaultPlatform), requested: askedFor(image) };
  } catch {
    return undefined;
  }
}
