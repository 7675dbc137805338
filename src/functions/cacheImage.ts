import { app } from 'durable-functions';
import { commitArchive } from '../cache/commit.ts';
import type { CacheContext } from '../cache/context.ts';
import { copyBlocks } from '../cache/copy.ts';
import { resolveImage } from '../cache/resolve.ts';
import type { CommitInput, Outcome } from '../cache/runs.ts';
import { cacheImage } from './cacheImage.orchestrator.ts';
import { cacheContext } from './context.ts';
import { asCacheError } from './problem.ts';

app.orchestration('cacheImage', cacheImage);
activity('resolveImage', resolveImage);
activity('copyBlocks', copyBlocks);
activity('commitArchive', async (context, input: CommitInput) => {
  await commitArchive(context, input);
  return null;
});

/** An activity answers what went wrong instead of throwing it: an error's type is lost on the way back. */
function activity(name: string, work: (context: CacheContext, input: never) => Promise<unknown>): void {
  app.activity(name, {
    handler: async (input: unknown, invocation): Promise<Outcome<unknown>> => {
      try {
        return { ok: true, value: await work(await cacheContext(), input as never) };
      } catch (error) {
        return { ok: false, error: asCacheError(error, invocation).toFailure() };
      }
    },
  });
}
