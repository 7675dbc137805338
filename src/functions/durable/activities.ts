import { app } from 'durable-functions';
import { commitArchive } from '../../runs/commitArchive.ts';
import type { CacheContext } from '../../context.ts';
import { copyBlocks } from '../../runs/copyBlocks.ts';
import { resolveImage } from '../../runs/planImage.ts';
import type { CommitInput, Outcome } from '../../runs/messages.ts';
import { cacheImage } from './cacheImage.orchestrator.ts';
import { cacheContext } from '../appContext.ts';
import { asCacheError } from '../http/problem.ts';

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
