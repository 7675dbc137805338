import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { OrchestrationContext } from 'durable-functions';
import type {
  CommitInput,
  Copied,
  CopyInput,
  PendingStretch,
  Resolved,
  RunInput,
  RunProgress,
} from '../../../src/runs/messages.ts';
import { CacheError, type ErrorCode, type Failure } from '../../../src/errors.ts';
import { cacheImage } from '../../../src/functions/durable/cacheImage.orchestrator.ts';
import { sha256Of } from '../../../src/image/digest.ts';

const START = new Date('2026-03-01T12:00:00Z');
const INPUT: RunInput = { image: 'docker.io/library/x:1', platform: 'linux/amd64', maxWaitHours: 1 };
const BLOB = 'library/x/1.tar';
const RESOLVED: Resolved & { readonly cached: false } = {
  cached: false,
  planned: {
    run: '01234567',
    image: `docker.io/library/x:1@${sha256Of('index')}`,
    platform: 'linux/amd64',
    blob: BLOB,
    blockBytes: 8192,
  },
  totalBytes: 12345,
  attempt: 'own',
  stretches: [
    { from: 0, to: 2 },
    { from: 2, to: 10 },
    { from: 10, to: 12 },
  ],
};

interface Activity {
  readonly name: string;
  readonly input: unknown;
}
/** What an orchestrator yields: activities, one or several, or a timer. */
type Task = Activity | { readonly all: readonly Activity[] } | { readonly until: Date };

/** Answers one activity: an outcome. `attempt` counts the same call from 1. */
type Answer = (activity: Activity, attempt: number) => unknown;

interface Played {
  readonly output: unknown;
  /** One line a step: an activity with its blocks, or a wait in seconds. */
  readonly steps: readonly string[];
  readonly activities: readonly Activity[];
  readonly statuses: readonly RunProgress[];
}

/** Plays an orchestration through, as a host does that is never interrupted: time passes only in timers. */
function play(answer: Answer, input: RunInput = INPUT): Played {
  const [steps, activities, statuses]: [string[], Activity[], RunProgress[]] = [[], [], []];
  const df = {
    instanceId: 'instance',
    currentUtcDateTime: START,
    getInput: () => input,
    newGuid: (id: string) => {
      assert.equal(id, 'instance');
      return '01234567-89ab-4cde-8f01-23456789abcd';
    },
    setCustomStatus: (status: RunProgress) => void statuses.push(status),
    callActivity: (name: string, given: unknown): Activity => ({ name, input: structuredClone(given) }),
    createTimer: (until: Date) => ({ until }),
    Task: { all: (all: readonly Activity[]) => ({ all }) },
  };
  const attempts = new Map<string, number>();
  const run = (activity: Activity): unknown => {
    const { stretches } = activity.input as Partial<CopyInput>;
    const label =
      stretches === undefined
        ? activity.name
        : `copy ${stretches.map(({ from, to }) => `${from}-${to}`).join('+')}`;
    steps.push(label);
    activities.push(activity);
    attempts.set(label, (attempts.get(label) ?? 0) + 1);
    return answer(activity, attempts.get(label) ?? 0);
  };
  const generator = cacheImage({ df } as unknown as OrchestrationContext);
  let next = generator.next();
  for (let turns = 0; next.done !== true; turns++) {
    assert.ok(turns < 1000, 'it does not end');
    const task = next.value as unknown as Task;
    if ('until' in task) {
      const seconds = (task.until.getTime() - df.currentUtcDateTime.getTime()) / 1000;
      steps.push(`wait ${seconds}`);
      df.currentUtcDateTime = task.until;
      next = generator.next(undefined);
    } else if ('all' in task) {
      steps.push('(');
      const outcomes = task.all.map(run);
      steps.push(')');
      // Task.all throws what the first of its members threw.
      const lost = outcomes.find((outcome) => outcome instanceof Error);
      next = lost === undefined ? generator.next(outcomes) : generator.throw(lost);
    } else {
      const outcome = run(task);
      next = outcome instanceof Error ? generator.throw(outcome) : generator.next(outcome);
    }
  }
  return { output: next.value, steps, activities, statuses };
}

const ok = (value: unknown): unknown => ({ ok: true, value });
const fail = (code: ErrorCode, retryAfterSeconds?: number): { ok: false; error: Failure } => ({
  ok: false,
  error: new CacheError(code, `because of ${code}`, {
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }).toFailure(),
});

/** All goes well, but where `unless` has another answer. */
function working(unless: Answer = () => undefined): Answer {
  return (activity, attempt) => {
    const other = unless(activity, attempt);
    if (other !== undefined) return other;
    if (activity.name === 'resolveImage') return ok(RESOLVED);
    if (activity.name === 'commitArchive') return ok(null);
    if (activity.name === 'abandonRun') return ok(null);
    const { stretches } = activity.input as CopyInput;
    return ok(copiedIn(stretches, attempt));
  };
}

/** A slice has time for three blocks of a stretch. */
function copiedIn(stretches: readonly PendingStretch[], attempt: number): Copied {
  const ends = stretches.map(({ from, to }) => Math.min(from + 3, to));
  return {
    done: stretches.map(({ from }, index) => ({
      from,
      to: ends[index] ?? 0,
      attempt: `attempt${from}.${attempt}`,
    })),
    rest: stretches.flatMap(({ to }, index) => {
      const end = ends[index] ?? 0;
      return end < to ? [{ from: end, to, hashState: `state${end}` }] : [];
    }),
  };
}

const isCopy = (activity: Activity, from: number): boolean =>
  activity.name === 'copyBlocks' && (activity.input as CopyInput).stretches[0]?.from === from;

describe('the orchestration', () => {
  it('resolves, copies all stretches side by side, slice after slice, and commits', () => {
    const { output, steps, activities, statuses } = play(working());
    assert.deepEqual(output, { ok: true, blob: BLOB });
    assert.equal(
      steps.join(' '),
      'resolveImage ( copy 2-10 copy 0-2 copy 10-12 ) ( copy 5-10 ) ( copy 8-10 ) commitArchive',
    );
    const { image, platform } = INPUT;
    assert.deepEqual(activities[0]?.input, { image, platform, run: '01234567' });
    const commit = activities.at(-1)?.input as CommitInput;
    assert.deepEqual(
      commit.copied.map(({ from, to, attempt }) => `${from}-${to} ${attempt}`),
      ['2-5 attempt2.1', '0-2 attempt0.1', '10-12 attempt10.1', '5-8 attempt5.1', '8-10 attempt8.1'],
    );
    assert.deepEqual([commit.planned, commit.attempt], [RESOLVED.planned, 'own']);
    assert.deepEqual(
      statuses.map(({ phase }) => phase),
      ['resolving', 'copying', 'committing'],
    );
    assert.deepEqual(statuses[1], { phase: 'copying', run: '01234567', blob: BLOB, totalBytes: 12345 });
  });

  it('has at most four activities at work, however many stretches there are', () => {
    const stretches = Array.from({ length: 100 }, (_, index) => ({ from: index * 9, to: index * 9 + 9 }));
    const { output, steps, activities } = play(
      working(({ name }) => (name === 'resolveImage' ? ok({ ...RESOLVED, stretches }) : undefined)),
    );
    assert.deepEqual(output, { ok: true, blob: BLOB });
    const rounds = steps
      .join(' ')
      .split('(')
      .slice(1)
      .map((round) => round.match(/copy/g)?.length);
    assert.deepEqual(rounds, [4, 4, 4]);
    const copied = (activities.at(-1)?.input as CommitInput).copied.toSorted((a, b) => a.from - b.from);
    copied.forEach(({ from }, index) => assert.equal(from, copied[index - 1]?.to ?? 0));
    assert.equal(copied.at(-1)?.to, 900);
  });

  it('passes the state of a hash along with its stretch, and nowhere else', () => {
    const { activities } = play(working());
    const states = activities
      .filter(({ name }) => name === 'copyBlocks')
      .flatMap(({ input }) => (input as CopyInput).stretches)
      .map(({ from, hashState }) => `${from} ${hashState ?? '-'}`);
    assert.deepEqual(states, ['2 -', '0 -', '10 -', '5 state5', '8 state8']);
  });

  it('keeps what a slice copied that ended in a failure, says why it waits, and goes on from there', () => {
    const { output, steps, statuses, activities } = play(
      working((activity, attempt) => {
        if (!isCopy(activity, 2) || attempt > 1) return undefined;
        const error = fail('registry_throttled', 45).error;
        return ok({ ...copiedIn([{ from: 2, to: 10 }], 1), failure: error });
      }),
    );
    assert.deepEqual(output, { ok: true, blob: BLOB });
    assert.equal(steps.slice(6).join(' '), 'wait 45 ( copy 5-10 ) ( copy 8-10 ) commitArchive');
    assert.equal(statuses.find(({ phase }) => phase === 'waiting')?.waiting?.code, 'registry_throttled');
    assert.deepEqual((activities.at(-1)?.input as CommitInput).copied[0], {
      from: 2,
      to: 5,
      attempt: 'attempt2.1',
    });
  });

  it('lets the second copy of a layer count that turned out to be corrupt', () => {
    const whole = { from: 2, to: 10, hashState: 'start' };
    const { output, activities } = play(
      working((activity, attempt) =>
        isCopy(activity, 8) && attempt === 1
          ? ok({ done: [], rest: [whole], failure: fail('digest_mismatch').error })
          : undefined,
      ),
    );
    assert.deepEqual(output, { ok: true, blob: BLOB });
    const { copied } = activities.at(-1)?.input as CommitInput;
    const last = copied.filter(({ from }) => from === 2 || from === 5 || from === 8);
    assert.deepEqual(
      last.map(({ attempt }) => attempt),
      ['attempt2.1', 'attempt5.1', 'attempt2.2', 'attempt5.2', 'attempt8.2'],
    );
  });

  it('has what it staged thrown away when it fails, and ends as it would where that fails', () => {
    for (const answer of [ok(null), fail('storage_unavailable'), new Error('lost')]) {
      const { output, steps, activities } = play(
        working((activity) => {
          if (activity.name === 'abandonRun') return answer;
          return isCopy(activity, 0) ? fail('registry_denied') : undefined;
        }),
      );
      assert.deepEqual(output, fail('registry_denied'));
      assert.equal(steps.at(-1), 'abandonRun');
      assert.deepEqual(activities.at(-1)?.input, {
        run: '01234567',
        image: INPUT.image,
        platform: INPUT.platform,
        code: 'registry_denied',
        planned: RESOLVED.planned,
      });
    }
  });

  it('has nothing to do where the archive is there already', () => {
    const { output, steps } = play(() => ok({ cached: true, blob: BLOB }));
    assert.deepEqual(output, { ok: true, blob: BLOB });
    assert.deepEqual(steps, ['resolveImage']);
  });

  it('gives up at once on an image that can not be had', () => {
    const { output, steps } = play(({ name }) =>
      name === 'abandonRun' ? ok(null) : fail('image_not_found'),
    );
    assert.deepEqual(output, fail('image_not_found'));
    assert.deepEqual(steps, ['resolveImage', 'abandonRun']);
  });

  it('hands the trace of its request to every activity, and does nothing else with it', () => {
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    const { activities, statuses, output } = play(working(), { ...INPUT, traceparent });
    assert.deepEqual(
      new Set(activities.map(({ input }) => (input as { traceparent?: string }).traceparent)),
      new Set([traceparent]),
    );
    assert.ok(!JSON.stringify([statuses, output]).includes(traceparent));
  });

  it('says how long it took: waiting is no part of resolving or copying', () => {
    const { activities } = play(
      working((activity, attempt) => {
        if (activity.name === 'resolveImage' && attempt === 1) return fail('registry_throttled', 45);
        return isCopy(activity, 2) && attempt === 1 ? fail('registry_throttled', 30) : undefined;
      }),
    );
    // Nothing but timers takes time here.
    assert.deepEqual((activities.at(-1)?.input as CommitInput).spent, {
      startedAt: START.toISOString(),
      resolveSeconds: 0,
      copySeconds: 0,
      waitSeconds: 75,
    });
  });

  it('runs nothing again where one layer of a round can not be had, whatever else may be tried again', () => {
    const { output, steps } = play(
      working((activity) => {
        if (isCopy(activity, 0)) return fail('registry_throttled', 60);
        if (isCopy(activity, 2)) return fail('registry_denied');
        return undefined;
      }),
    );
    assert.deepEqual(output, fail('registry_denied'));
    assert.equal(steps.join(' '), 'resolveImage ( copy 2-10 copy 0-2 copy 10-12 ) abandonRun');
  });

  it('goes on where a worker is lost: the activity, or the round, runs again', () => {
    const { output, steps } = play(
      working((activity, attempt) => {
        if (attempt > 1) return undefined;
        if (activity.name === 'resolveImage' || isCopy(activity, 2)) return new Error('out of memory');
        return undefined;
      }),
    );
    assert.deepEqual(output, { ok: true, blob: BLOB });
    assert.match(
      steps.join(' '),
      /^resolveImage wait 5 resolveImage \( copy 2-10 copy 0-2 copy 10-12 \) wait 5 \( copy 2-10 copy 0-2 copy 10-12 \)/,
    );
  });

  it('waits as a registry asks, the longest of all, then runs only what failed', () => {
    const { output, steps, statuses, activities } = play(
      working((activity, attempt) => {
        if (attempt > 1) return undefined;
        if (isCopy(activity, 0)) return fail('registry_throttled', 30);
        if (isCopy(activity, 2)) return fail('registry_throttled', 45);
        return undefined;
      }),
    );
    assert.deepEqual(output, { ok: true, blob: BLOB });
    assert.equal(
      steps.join(' '),
      'resolveImage ( copy 2-10 copy 0-2 copy 10-12 ) wait 45 ( copy 2-10 copy 0-2 ) ( copy 5-10 ) ( copy 8-10 ) commitArchive',
    );
    assert.deepEqual(
      statuses.map(({ phase }) => phase),
      ['resolving', 'copying', 'waiting', 'copying', 'committing'],
    );
    assert.deepEqual(statuses[2], {
      phase: 'waiting',
      run: '01234567',
      blob: BLOB,
      totalBytes: 12345,
      waiting: {
        code: 'registry_throttled',
        detail: 'because of registry_throttled',
        until: '2026-03-01T12:00:45.000Z',
      },
    });
    // Committed is what the second attempt staged.
    const { copied } = activities.at(-1)?.input as CommitInput;
    assert.equal(copied.find(({ from }) => from === 0)?.attempt, 'attempt0.2');
  });

  it('takes up a layer in its middle, with the state of its hash', () => {
    const { activities, steps } = play(
      working((activity, attempt) =>
        isCopy(activity, 5) && attempt <= 2 ? fail('registry_unavailable', 10) : undefined,
      ),
    );
    assert.equal(
      steps.slice(6).join(' '),
      '( copy 5-10 ) wait 10 ( copy 5-10 ) wait 10 ( copy 5-10 ) ( copy 8-10 ) commitArchive',
    );
    const states = activities
      .filter((activity) => isCopy(activity, 5))
      .map(({ input }) => (input as CopyInput).stretches[0]?.hashState);
    assert.deepEqual(states, ['state5', 'state5', 'state5']);
  });

  it('waits for storage at the end as well, and copies nothing again', () => {
    const { output, steps } = play(
      working(({ name }, attempt) =>
        name === 'commitArchive' && attempt === 1 ? fail('storage_unavailable') : undefined,
      ),
    );
    assert.deepEqual(output, { ok: true, blob: BLOB });
    assert.equal(steps.slice(-3).join(' '), 'commitArchive wait 10 commitArchive');
  });

  it('ends with the cause when patience does', () => {
    for (const [activity, code] of [
      ['resolveImage', 'registry_throttled'],
      ['copyBlocks', 'registry_unavailable'],
      ['commitArchive', 'storage_unavailable'],
    ] as const) {
      const { output, steps } = play(
        working(({ name }) => (name === activity ? fail(code, 500) : undefined)),
      );
      const { error } = output as { error: Failure };
      assert.deepEqual([error.code, error.retryable, error.retryAfterSeconds], [code, true, 500]);
      // Whoever asks hears of the cause, and when to ask again.
      assert.match(error.detail, new RegExp(`because of ${code} .*[48] tries; ask .* in 9 minutes`));
      const waits = steps.filter((step) => step.startsWith('wait'));
      assert.deepEqual(
        waits,
        Array.from({ length: code === 'registry_throttled' ? 7 : 3 }, () => 'wait 500'),
      );
    }
  });

  it('copies an image of one stretch', () => {
    const one = play(
      working(({ name }) =>
        name === 'resolveImage' ? ok({ ...RESOLVED, stretches: [{ from: 0, to: 2 }] }) : undefined,
      ),
    );
    assert.equal(one.steps.join(' '), 'resolveImage ( copy 0-2 ) commitArchive');
  });

  it('reads no clock and no dice, so that a replay does the same again', (t: TestContext) => {
    const answer = working((activity, attempt) =>
      isCopy(activity, 2) && attempt < 3 ? fail('registry_throttled', 45) : undefined,
    );
    const forbidden = (): never => assert.fail('not in an orchestrator');
    t.mock.method(Date, 'now', forbidden);
    t.mock.method(Math, 'random', forbidden);
    t.mock.method(crypto, 'randomUUID', forbidden);
    t.mock.timers.enable({ apis: ['Date'], now: 0 });
    const first = play(answer);
    t.mock.timers.setTime(1e12);
    assert.deepEqual(play(answer), first);
  });
});
