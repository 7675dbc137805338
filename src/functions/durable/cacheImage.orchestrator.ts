import type { OrchestrationContext, Task } from 'durable-functions';
import { Patience, worstOf } from '../../runs/patience.ts';
import type {
  AbandonInput,
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
  TimeSpent,
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
  const trace: Trace = input.traceparent === undefined ? {} : { traceparent: input.traceparent };
  const began = context.df.currentUtcDateTime;
  const patience = new Patience(input.maxWaitHours);
  let progress: RunProgress = { phase: 'resolving', run };
  context.df.setCustomStatus(progress);

  const { image, platform } = input;
  const resolve: ResolveInput = { image, platform, run, ...trace };
  const resolved = yield* persist<Resolved>(context, patience, progress, 'resolveImage', resolve);
  const abandon = { run, image, platform, ...trace };
  if (!resolved.ok) return yield* abandonRun(context, resolved, abandon);
  if (resolved.value.cached) return { ok: true, blob: resolved.value.blob };
  const { planned, totalBytes, attempt, stretches } = resolved.value;
  const planMade = context.df.currentUtcDateTime;
  const resolveSeconds = secondsBetween(began, planMade) - patience.waited;
  const waited = patience.waited;

  progress = { phase: 'copying', run, blob: planned.blob, totalBytes };
  context.df.setCustomStatus(progress);
  const copied = yield* copyAll(context, patience, progress, { planned, ...trace }, stretches);
  if (!copied.ok) return yield* abandonRun(context, copied, { ...abandon, planned });

  progress = { ...progress, phase: 'committing' };
  context.df.setCustomStatus(progress);
  const spent: TimeSpent = {
    startedAt: began.toISOString(),
    resolveSeconds,
    copySeconds: secondsBetween(planMade, context.df.currentUtcDateTime) - (patience.waited - waited),
    waitSeconds: patience.waited,
  };
  const commit: CommitInput = { planned, attempt, copied: copied.value, spent, ...trace };
  const done = yield* persist<null>(context, patience, progress, 'commitArchive', commit);
  if (!done.ok) return yield* abandonRun(context, done, { ...abandon, planned });
  return { ok: true, blob: planned.blob };
}

/** Passed on to the activities, which make the spans: what is replayed makes none. */
type Trace = Pick<RunInput, 'traceparent'>;

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
  given: Trace & { readonly planned: PlannedRun },
  stretches: readonly PendingStretch[],
): Steps<Outcome<CopiedStretch[]>> {
  const copied: CopiedStretch[] = [];
  let left = stretches;
  while (left.length > 0) {
    const began = context.df.currentUtcDateTime;
    const shares = dealOut(left);
    const tasks = shares.map((share) => {
      const input: CopyInput = { ...given, stretches: share };
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
    const last = failure && (yield* wait(context, patience, progress, failure, began));
    if (last !== undefined) return { ok: false, error: last };
  }
  return { ok: true, value: copied };
}

/** Tells of a run that failed, and takes away what it has staged. Where that fails too, prune does it later. */
function* abandonRun<T extends Extract<Outcome<unknown>, { readonly ok: false }>>(
  context: OrchestrationContext,
  failed: T,
  run: Omit<AbandonInput, 'code'>,
): Steps<T> {
  const input: AbandonInput = { ...run, code: failed.error.code };
  yield* answerTo<Outcome<null>>(context.df.callActivity('abandonRun', input));
  return failed;
}

function secondsBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000;
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
