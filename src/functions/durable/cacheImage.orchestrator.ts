import type { OrchestrationContext, Task } from 'durable-functions';
import { Patience, worstOf } from '../../runs/patience.ts';
import type {
  CommitInput,
  Copied,
  CopiedStretch,
  CopyInput,
  Outcome,
  PendingStretch,
  PlannedRun,
  Resolved,
  ResolveInput,
  RunInput,
  RunOutput,
  RunProgress,
} from '../../runs/messages.ts';
import { dealOut } from '../../archive/stretches.ts';
import type { Failure } from '../../errors.ts';

type Steps<T> = Generator<Task, T, unknown>;

/**
 * One image on its way into the cache: resolve, copy, commit; or what it staged is thrown away. Replayed from its
 * history at every turn, so it reads no clock, no setting and no network. Waiting for a throttled registry is a
 * durable timer, which costs nothing.
 */
export function* cacheImage(context: OrchestrationContext): Steps<RunOutput> {
  const input = context.df.getInput<RunInput>();
  const run = context.df.newGuid(context.df.instanceId).slice(0, 8);
  const patience = new Patience(input.maxWaitHours);
  let progress: RunProgress = { phase: 'resolving', run };
  context.df.setCustomStatus(progress);

  const { image, platform } = input;
  const resolve: ResolveInput = { image, platform, run };
  const resolved = yield* persist<Resolved>(context, patience, progress, 'resolveImage', resolve);
  if (!resolved.ok) return resolved;
  if (resolved.value.cached) return { ok: true, blob: resolved.value.blob };
  const { planned, totalBytes, attempt, stretches } = resolved.value;

  progress = { phase: 'copying', run, blob: planned.blob, totalBytes };
  context.df.setCustomStatus(progress);
  const copied = yield* copyAll(context, patience, progress, planned, stretches);
  if (!copied.ok) return yield* abandon(context, planned, copied);

  progress = { ...progress, phase: 'committing' };
  context.df.setCustomStatus(progress);
  const commit: CommitInput = { planned, attempt, copied: copied.value };
  const done = yield* persist<null>(context, patience, progress, 'commitArchive', commit);
  return done.ok ? { ok: true, blob: planned.blob } : yield* abandon(context, planned, done);
}

/**
 * Copies all stretches in rounds of about a minute: each round deals out what is left into at most four fresh tasks,
 * so that no image fills a worker's slots for long. What fails keeps what it has, and only the rest is copied again.
 * No sliding window: durable-functions 3 sends a task again that it is given twice
 * (https://github.com/Azure/azure-functions-durable-js/issues/574).
 */
function* copyAll(
  context: OrchestrationContext,
  patience: Patience,
  progress: RunProgress,
  planned: PlannedRun,
  stretches: readonly PendingStretch[],
): Steps<Outcome<CopiedStretch[]>> {
  const copied: CopiedStretch[] = [];
  let left = stretches;
  while (left.length > 0) {
    const began = context.df.currentUtcDateTime;
    const shares = dealOut(left);
    const tasks = shares.map((share) => {
      const input: CopyInput = { planned, stretches: share };
      return context.df.callActivity('copyBlocks', input);
    });
    const round = yield* answerTo<Outcome<Copied>[]>(context.df.Task.all(tasks));
    const outcomes = shares.map((share, index) => {
      const outcome = round.ok ? round.value[index] : round;
      if (outcome?.ok === true) return outcome.value;
      return { done: [], rest: share, ...(outcome !== undefined && { failure: outcome.error }) };
    });
    const before = copied.length;
    copied.push(...outcomes.flatMap(({ done }) => done));
    left = outcomes.flatMap(({ rest }) => rest);
    if (copied.length > before) patience.progressed();
    const failure = worstOf(outcomes.flatMap((outcome) => outcome.failure ?? []));
    const given = failure && (yield* wait(context, patience, progress, failure, began));
    if (given !== undefined) return { ok: false, error: given };
  }
  return { ok: true, value: copied };
}

/** Takes away what a run that failed has staged. Where that fails too, prune does it later. */
function* abandon<T>(context: OrchestrationContext, planned: PlannedRun, failed: T): Steps<T> {
  yield* answerTo<Outcome<null>>(context.df.callActivity('abandonRun', { planned }));
  return failed;
}

/** Calls one activity until it succeeds, cannot succeed, or patience ends. */
function* persist<T>(
  context: OrchestrationContext,
  patience: Patience,
  progress: RunProgress,
  activity: string,
  input: unknown,
): Steps<Outcome<T>> {
  for (;;) {
    const began = context.df.currentUtcDateTime;
    const answer = yield* answerTo<Outcome<T>>(context.df.callActivity(activity, input));
    const outcome = answer.ok ? answer.value : answer;
    if (outcome.ok) {
      patience.progressed();
      return outcome;
    }
    const given = yield* wait(context, patience, progress, outcome.error, began);
    if (given !== undefined) return { ok: false, error: given };
  }
}

/**
 * What a task answers. Activities answer what they expect to go wrong; a task that throws lost its worker, which
 * ran out of time or memory, and may do better on another.
 */
function* answerTo<T>(task: Task): Steps<Outcome<T>> {
  try {
    return { ok: true, value: (yield task) as T };
  } catch {
    const detail = 'The worker was lost, or ran out of time or memory. The log has the cause.';
    return { ok: false, error: { code: 'internal_error', detail, retryable: true } };
  }
}

/**
 * Waits as long as the failure asks for.
 * @param began when the try began that ended so
 * @returns undefined when it is to be tried again; else what the run ends with
 */
function* wait(
  context: OrchestrationContext,
  patience: Patience,
  progress: RunProgress,
  failure: Failure,
  began: Date,
): Steps<Failure | undefined> {
  const now = context.df.currentUtcDateTime.getTime();
  const seconds = patience.waitFor(failure, Math.round((now - began.getTime()) / 1000));
  if (seconds === undefined) return patience.gaveUp(failure);
  const until = new Date(now + seconds * 1000);
  const { code, detail } = failure;
  context.df.setCustomStatus({
    ...progress,
    phase: 'waiting',
    waiting: { code, detail, until: until.toISOString() },
  });
  yield context.df.createTimer(until);
  context.df.setCustomStatus(progress);
  return undefined;
}
