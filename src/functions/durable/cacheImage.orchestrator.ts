import type { OrchestrationContext, Task } from 'durable-functions';
import { Patience } from '../../runs/patience.ts';
import type {
  CommitInput,
  CopiedSegment,
  CopyInput,
  CopyPlan,
  Outcome,
  RunInput,
  RunOutput,
  RunProgress,
} from '../../runs/messages.ts';
import type { Failure } from '../../errors.ts';

type Steps<T> = Generator<Task, T, unknown>;

/**
 * One image on its way into the cache: resolve, copy, commit. Replayed from its history at every turn, so it reads
 * no clock, no setting and no network. Waiting for a throttled registry is a durable timer, which costs nothing.
 */
export function* cacheImage(context: OrchestrationContext): Steps<RunOutput> {
  const input = context.df.getInput<RunInput>();
  const run = context.df.newGuid(context.df.instanceId).slice(0, 8);
  const patience = new Patience(input.maxWaitHours);
  let progress: RunProgress = { phase: 'resolving', run };
  context.df.setCustomStatus(progress);

  const resolved = yield* persist<CopyPlan>(context, patience, progress, 'resolveImage', input);
  if (!resolved.ok) return resolved;
  const plan = resolved.value;
  if (plan.cached) return { ok: true, blob: plan.blob };

  progress = { phase: 'copying', run, blob: plan.blob, totalBytes: plan.totalBytes };
  context.df.setCustomStatus(progress);
  const copied = yield* copyLanes(context, patience, progress, plan);
  if (!copied.ok) return copied;

  progress = { ...progress, phase: 'committing' };
  context.df.setCustomStatus(progress);
  const { image, platform, manifestDigest, indexDigest, blob, blockBytes } = plan;
  const commit: CommitInput = {
    plan: {
      image,
      platform,
      manifestDigest,
      blob,
      blockBytes,
      ...(indexDigest !== undefined && { indexDigest }),
    },
    run,
    segments: copied.value,
  };
  const done = yield* persist<null>(context, patience, progress, 'commitArchive', commit);
  return done.ok ? { ok: true, blob: plan.blob } : done;
}

/**
 * Copies all lanes in rounds: each round is one Task.all of fresh tasks, the next segment of every lane that is not
 * done. Only what failed runs again. No sliding window: durable-functions 3 sends a task again that it is given
 * twice (https://github.com/Azure/azure-functions-durable-js/issues/574).
 */
function* copyLanes(
  context: OrchestrationContext,
  patience: Patience,
  progress: RunProgress,
  plan: CopyPlan,
): Steps<Outcome<CopiedSegment[]>> {
  const { image, platform, manifestDigest, blob, blockBytes } = plan;
  const copied: CopiedSegment[][] = plan.lanes.map(() => []);
  for (;;) {
    const open = plan.lanes
      .map((lane, index) => ({ done: copied[index] ?? [], lane }))
      .filter(({ done, lane }) => done.length < lane.length);
    if (open.length === 0) return { ok: true, value: copied.flat() };

    const tasks = open.map(({ done, lane }) => {
      const segment = lane[done.length] ?? { from: 0, to: 0 };
      const hashState = done.at(-1)?.hashState;
      const input: CopyInput = {
        plan: { image, platform, manifestDigest, blob, blockBytes },
        run: progress.run,
        ...segment,
        ...(hashState !== undefined && { hashState }),
      };
      return context.df.callActivity('copyBlocks', input);
    });
    const round = yield* answerTo<Outcome<CopiedSegment>[]>(context.df.Task.all(tasks));
    const outcomes = round.ok ? round.value : [round];

    const failures: Failure[] = [];
    outcomes.forEach((outcome, index) => {
      if (outcome.ok) open[index]?.done.push(outcome.value);
      else failures.push(outcome.error);
    });
    if (failures.length < outcomes.length) patience.progressed();
    const worst = failures.find((failure) => !failure.retryable) ?? longestWait(failures);
    if (worst !== undefined && !(yield* wait(context, patience, progress, worst)))
      return { ok: false, error: worst };
  }
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
    const answer = yield* answerTo<Outcome<T>>(context.df.callActivity(activity, input));
    const outcome = answer.ok ? answer.value : answer;
    if (outcome.ok) patience.progressed();
    if (outcome.ok || !(yield* wait(context, patience, progress, outcome.error))) return outcome;
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

/** Waits as long as the failure asks for; false where it is time to give up. */
function* wait(
  context: OrchestrationContext,
  patience: Patience,
  progress: RunProgress,
  failure: Failure,
): Steps<boolean> {
  const seconds = patience.waitFor(failure);
  if (seconds === undefined) return false;
  const until = new Date(context.df.currentUtcDateTime.getTime() + seconds * 1000);
  const { code, detail } = failure;
  context.df.setCustomStatus({
    ...progress,
    phase: 'waiting',
    waiting: { code, detail, until: until.toISOString() },
  });
  yield context.df.createTimer(until);
  context.df.setCustomStatus(progress);
  return true;
}

function longestWait(failures: readonly Failure[]): Failure | undefined {
  return failures.toSorted((a, b) => (b.retryAfterSeconds ?? 0) - (a.retryAfterSeconds ?? 0))[0];
}
