import { app } from 'durable-functions';
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

/** An activity answers what went wrong instead of throwing it: an error's type is lost on the way back. */
function activity(name: string, work: (context: AppContext, input: never) => Promise<unknown>): void {
  app.activity(name, {
    handler: async (input: unknown, invocation): Promise<Outcome<unknown>> => {
      try {
        return { ok: true, value: await work(await appContext(), input as never) };
      } catch (error) {
        return { ok: false, error: asCacheError(error, invocation).toFailure() };
      }
    },
  });
}
