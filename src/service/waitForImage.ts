import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheContext } from '../context.ts';
import type { ImageRequest } from '../image/imageRequest.ts';
import { runId, type Runs } from '../runs/messages.ts';
import type { Storage } from '../store/storage.ts';
import { type ImageState, imageState, type PendingImage } from './describeImage.ts';

/** Most images are small: a caller hears of them soon, and asks less often for the others. */
const FIRST_POLL_MS = 1000;
const LAST_POLL_MS = 5000;

/** What all who wait for one image in this process share. */
interface SharedPoll {
  waiting: number;
  polls: number;
  next: Promise<ImageState> | undefined;
}

/** By image and platform. */
const shared = new WeakMap<Storage, Map<string, SharedPoll>>();

/**
 * Waits for a pending image until it is not pending any more, or time is up. A caller that has gone cannot be seen:
 * @azure/functions gives no signal. So all who wait for an image share one poll, and however many have gone, they cost
 * as much as one, until their time is up.
 * @param deadline in milliseconds of Date.now()
 */
export async function waitForImage(
  context: CacheContext,
  runs: Runs,
  request: ImageRequest,
  pending: PendingImage,
  deadline: number,
): Promise<ImageState> {
  const polls = shared.get(context.storage) ?? new Map<string, SharedPoll>();
  shared.set(context.storage, polls);
  const key = runId(request.ref, request.platform);
  const poll = polls.get(key) ?? { waiting: 0, polls: 0, next: undefined };
  polls.set(key, poll);
  poll.waiting += 1;
  const over = new AbortController();
  try {
    const timeUp = sleep(Math.max(0, deadline - Date.now()), undefined, { signal: over.signal });
    timeUp.catch(() => undefined);
    let found: ImageState = pending;
    while (found.state === 'pending' && Date.now() < deadline) {
      poll.next ??= nextState(context, runs, request, poll);
      found = (await Promise.race([poll.next, timeUp])) ?? found;
    }
    return found;
  } finally {
    over.abort();
    poll.waiting -= 1;
    if (poll.waiting === 0) polls.delete(key);
  }
}

/** The state a little later. */
async function nextState(
  context: CacheContext,
  runs: Runs,
  request: ImageRequest,
  poll: SharedPoll,
): Promise<ImageState> {
  try {
    await sleep(Math.min(LAST_POLL_MS, FIRST_POLL_MS * 1.5 ** poll.polls++));
    return await imageState(context, runs, request, 'serve the older');
  } finally {
    poll.next = undefined;
  }
}
