import { setTimeout as sleep } from 'node:timers/promises';
import type { Span } from '@opentelemetry/api';
import { app } from 'durable-functions';
import { CacheError } from '../../errors.ts';
import { abandonRun } from '../../runs/abandonRun.ts';
import { commitArchive } from '../../runs/commitArchive.ts';
import { copyBlocks } from '../../runs/copyBlocks.ts';
import { resolveImage } from '../../runs/resolveImage.ts';
import type {
  AbandonInput,
  CommitInput,
  Copied,
  CopyInput,
  Outcome,
  ResolveInput,
} from '../../runs/messages.ts';
import { inSpan, markFailed } from '../../telemetry/tracing.ts';
import { cacheImage } from './cacheImage.orchestrator.ts';
import { type AppContext, appContext } from '../appContext.ts';
import { asCacheError } from '../asCacheError.ts';
import { tellCached, tellFailed, tellPulled, tellWait, type ToldRun } from './runEvents.ts';

app.orchestration('cacheImage', cacheImage);
activity(
  'resolveImage',
  (input: ResolveInput) => input,
  (context, input) => resolveImage(context, input),
);
activity(
  'copyBlocks',
  ({ planned }: CopyInput) => planned,
  async (context, input, span): Promise<Copied> => {
    const { pulled, ...copied } = await copyBlocks(context, input);
    tellPulled(context.events, input.planned, pulled);
    // What it has copied is kept, so that it answers a failure and does not throw it.
    if (copied.failure !== undefined) {
      tellWait(context.events, input.planned, copied.failure);
      markFailed(span, copied.failure.code);
    }
    return copied;
  },
);
activity(
  'commitArchive',
  ({ planned }: CommitInput) => planned,
  async (context, input) => {
    const began = performance.now();
    const committed = await commitArchive(context, input);
    const commitSeconds = (performance.now() - began) / 1000;
    if (committed !== undefined)
      tellCached(context.events, input.planned, committed, input.spent, commitSeconds);
    return null;
  },
);
activity(
  'abandonRun',
  (input: AbandonInput) => input,
  async (context, input) => {
    // Whether or not the rest can be done now: this is what tells an operator.
    tellFailed(context.events, input, input.code);
    await abandonRun(context, input);
    return null;
  },
);

/**
 * Each request and each slice has a deadline of its own; this is for what none of them thought of. Beyond
 * `functionTimeout`, which is twice as long, the host would end the worker, and with it whatever else it does.
 */
const DEADLINE_MS = 15 * 60_000;

/**
 * An activity answers what went wrong instead of throwing it: an error's type is lost on the way back.
 * @param runOf whose work it is, for traces and events: the orchestration tells nothing itself, since it is replayed
 */
function activity<I extends { readonly traceparent?: string }>(
  name: string,
  runOf: (input: I) => ToldRun,
  work: (context: AppContext, input: I, span: Span) => Promise<unknown>,
): void {
  app.activity(name, {
    handler: async (given: unknown, invocation): Promise<Outcome<unknown>> => {
      const input = given as I;
      const { run, image, platform } = runOf(input);
      const attributes = {
        'faas.trigger': 'other',
        'faas.invocation_id': invocation.invocationId,
        'image_cache.run': run,
        'image_cache.image': image,
        'image_cache.platform': platform,
      };
      return inSpan(name, { traceparent: input.traceparent, attributes }, async (span) => {
        let context: AppContext | undefined;
        try {
          context = await appContext();
          return { ok: true, value: await withinDeadline(name, work(context, input, span)) };
        } catch (error) {
          const failure = asCacheError(error, invocation).toFailure();
          markFailed(span, failure.code);
          if (context !== undefined) tellWait(context.events, runOf(input), failure);
          return { ok: false, error: failure };
        }
      });
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
