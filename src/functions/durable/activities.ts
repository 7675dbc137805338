import { setTimeout as sleep } from 'node:timers/promises';
import { app } from 'durable-functions';
import { CacheError } from '../../errors.ts';
import { abandonRun } from '../../runs/abandonRun.ts';
import { commitArchive } from '../../runs/commitArchive.ts';
import { copyBlocks } from '../../runs/copyBlocks.ts';
import { resolveImage } from '../../runs/resolveImage.ts';
import type { AbandonInput, CommitInput, CopyInput, Outcome, ResolveInput } from '../../runs/messages.ts';
import { cacheImage } from './cacheImage.orchestrator.ts';
import { type AppContext, appContext } from '../appContext.ts';
import { asCacheError } from '../asCacheError.ts';

app.orchestration('cacheImage', cacheImage);
activity('resolveImage', (context, input: ResolveInput) => resolveImage(context, input));
activity('copyBlocks', (context, input: CopyInput) => copyBlocks(context, input));
activity('commitArchive', async (context, input: CommitInput) => {
  await commitArchive(context, input);
  return null;
});
activity('abandonRun', async (context, input: AbandonInput) => {
  await abandonRun(context, input);
  return null;
});

/**
 * Each request and each slice has a deadline of its own; this is for what none of them thought of. Beyond
 * `functionTimeout`, which is twice as long, the host would end the worker, and with it whatever else it does.
 */
const DEADLINE_MS = 15 * 60_000;

/** An activity answers what went wrong instead of throwing it: an error's type is lost on the way back. */
function activity(name: string, work: (context: AppContext, input: never) => Promise<unknown>): void {
  app.activity(name, {
    handler: async (input: unknown, invocation): Promise<Outcome<unknown>> => {
      try {
        return { ok: true, value: await withinDeadline(name, work(await appContext(), input as never)) };
      } catch (error) {
        return { ok: false, error: asCacheError(error, invocation).toFailure() };
      }
    },
  });
}

async function withinDeadline<T>(name: string, work: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = sleep(DEADLINE_MS, undefined, { signal: stop.signal }).then(() => {
    throw new CacheError(
      'internal_error',
      `The step ${name} did not end within ${DEADLINE_MS / 60_000} minutes. Ask for the image again.`,
      { retryable: true },
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    stop.abort();
  }
}
