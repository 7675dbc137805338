import { setTimeout as sleep } from 'node:timers/promises';
import type { ImageView } from '../api/views.ts';
import { ProgressDisplay } from './progress.ts';
import { type EnsuredImage, type ImageCacheService, ServiceError } from './imageCacheService.ts';

const POLL_MS = 500;
/** A service that is restarted, or a network that blinks, is no reason to lose sight of an image. */
const MAX_SILENT_POLLS = 20;

export interface AddOptions {
  readonly platform: string | undefined;
  /** False: ask, and leave. */
  readonly wait: boolean;
  readonly progress: NodeJS.WritableStream;
}

/** Asks for images and watches them until each is ready or has failed. In the order in which they were given. */
export async function addImages(
  service: ImageCacheService,
  images: readonly string[],
  { platform, wait, progress }: AddOptions,
): Promise<EnsuredImage[]> {
  const views = await service.ensure(images, platform);
  const display = new ProgressDisplay(progress);
  let silent = 0;
  for (;;) {
    display.show(
      views.map((view) => ({
        label: view.requested,
        state: view.state,
        progress: 'progress' in view ? view.progress : undefined,
      })),
    );
    const pending = views.filter((view): view is ImageView => view.state === 'pending');
    if (!wait || pending.length === 0) return views;
    await sleep(POLL_MS);
    try {
      for (const view of pending) {
        const now = await service.state(view.requested, platform);
        views[views.indexOf(view)] = { ...now, requested: view.requested };
      }
      silent = 0;
    } catch (error) {
      silent += 1;
      if (!(error instanceof ServiceError) || silent > MAX_SILENT_POLLS) throw error;
    }
  }
}
