import { setTimeout as sleep } from 'node:timers/promises';
import type { EnsuredImage, ImageCacheService } from '../service/imageCacheService.ts';
import { Outage } from '../service/outage.ts';
import { describeOutcome } from '../outcome.ts';
import type { ProgressDisplay } from './progressDisplay.ts';
import { TransferRates } from './transferRate.ts';

/** Between two looks at an image, in milliseconds. */
export const POLL_MS = 500;
/** Requests under way at a time, and how many are asked within a second where images are many. */
const PARALLEL = 6;
const PER_SECOND = 10;
const MOST_PAUSE_MS = 10_000;

/** Between two rounds of questions about so many images. @param leastMs whatever their number */
export function pauseMs(images: number, leastMs: number): number {
  return Math.min(Math.max((images * 1000) / PER_SECOND, leastMs), MOST_PAUSE_MS);
}

/**
 * Watches images until each is ready, failed or gone, and says at once what became of each.
 * @returns the last view of each, in their order
 */
export async function followImages(
  service: ImageCacheService,
  asked: readonly EnsuredImage[],
  platform: string | undefined,
  display: ProgressDisplay,
  { signal, pollMs = POLL_MS }: { readonly signal?: AbortSignal; readonly pollMs?: number } = {},
): Promise<readonly EnsuredImage[]> {
  const views = [...asked];
  const rates = new TransferRates();
  const outage = new Outage(({ message }) => display.say(`image-cache: ${message} Still trying.`));
  const pending = (): number[] => [...views.keys()].filter((at) => views[at]?.state === 'pending');
  const show = (): void =>
    display.show(
      pending().map((at) => {
        const view = views[at];
        const progress = view !== undefined && 'progress' in view ? view.progress : undefined;
        const label = view?.requested ?? '';
        return { label, progress, rate: rates.measure(label, undefined, 0) };
      }),
      Date.now(),
    );
  const refresh = async (at: number): Promise<void> => {
    const requested = views[at]?.requested ?? '';
    const now = await outage.bear(() => service.state(requested, platform));
    if (now === undefined) return;
    views[at] = { ...now, requested };
    if (now.state !== 'pending') display.say(describeOutcome({ ...now, requested }));
    rates.measure(requested, now.progress?.stagedBytes, performance.now());
  };

  for (const view of views) if (view.state !== 'pending') display.say(describeOutcome(view));
  for (let left = pending(); left.length > 0; left = pending()) {
    show();
    await sleep(pauseMs(left.length, pollMs), undefined, signal && { signal });
    await eachInParallel(left, refresh);
  }
  show();
  return views;
}

async function eachInParallel(
  items: readonly number[],
  work: (item: number) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
