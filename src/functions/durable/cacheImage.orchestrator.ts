import type { OrchestrationContext, Task } from 'durable-functions';
import { Patience } from '../../runs/patience.ts';
import type {
  CommitInput,
  CopiedSegment,
  CopyInput,
  Outcome,
  PlannedRun,
  Resolved,
  ResolveInput,
  RunInput,
  RunOutput,
  RunProgress,
} from '../../runs/messages.ts';
import type { Lane } from '../../archive/lanes.ts';
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

  const { image, platform } = input;
  const resolve: ResolveInput = { image, platform, run };
  const resolved = yield* persist<Resolved>(context, patience, progress, 'resolveImage', resolve);
  if (!resolved.ok) return resolved;
  if (resolved.value.cached) return { ok: true, blob: resolved.value.blob };
  const { planned, totalBytes, attempt, lanes } = resolved.value;

  progress = { phase: 'copying', run, blob: planned.blob, totalBytes };
  context.df.setCustomStatus(progress);
  const copied = yield* copyLanes(context, patience, progress, planned, lanes);
  if (!copied.ok) return copied;

  progress = { ...progress, phase: 'committing' };
  context.df.setCustomStatus(progress);
  const commit: CommitInput = { planned, attempt, segments: copied.value };
  const done = yield* persist<null>(context, patience, progress, 'commitArchive', commit);
  return done.ok ? { ok: true, blob: planned.blob } : done;
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
  planned: PlannedRun,
  lanes: readonly Lane[],
): Steps<Outcome<CopiedSegment[]>> {
  const started = lanes.map((lane) => ({ lane, done: [] as CopiedSegment[] }));
  for (;;) {
    const next = started.flatMap(({ lane, done }) => {
      const segment = lane[done.length];
      return segment === undefined ? [] : [{ segment, done }];
    });
    if (next.length === 0) return { ok: true, value: started.flatMap(({ done }) => done) };

    const tasks = next.map(({ segment, done }) => {
      const hashState = done.at(-1)?.hashState;
      const input: CopyInput = { planned, ...segment, ...(hashState !== undefined && { hashState }) };
      return context.df.callActivity('copyBlocks', input);
    });
    const round = yield* answerTo<Outcome<CopiedSegment>[]>(context.df.Task.all(tasks));
    const outcomes = round.ok ? round.value : [round];

    const failures: Failure[] = [];
    outcomes.forEach((outcome, index) => {
      if (outcome.ok) next[index]?.done.push(outcome.value);
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
