import assert from 'node:assert/strict';
import type { OrchestrationContext } from 'durable-functions';
import { CacheError } from '../../../src/errors.ts';
import { cacheImage } from '../../../src/functions/durable/cacheImage.orchestrator.ts';
import type { RunInput, RunOutput, RunProgress, Runs, RunStatus } from '../../../src/runs/messages.ts';

/** Runs one activity by its name, as src/functions/durable/activities.ts does. */
export type Activities = Readonly<Record<string, (input: never) => Promise<unknown>>>;

interface Activity {
  readonly name: string;
  readonly input: unknown;
}
type Task = Activity | { readonly all: readonly Activity[] } | { readonly until: Date };

/** Nothing that a case does takes so many turns: what does is caught in a circle. */
const MAX_TURNS = 500;

/**
 * The real orchestration with real activities, in this process: each run is played to its end, and a durable timer
 * is over as soon as it is set.
 */
export class PlayedRuns implements Runs {
  readonly #activities: Activities;
  readonly #waited: () => void;
  readonly #ended = new Map<string, Promise<RunOutput>>();
  /** Seconds of every durable timer that was set. */
  readonly waits: number[] = [];
  readonly statuses: RunProgress[] = [];
  readonly started: RunInput[] = [];

  /** @param waited called when a timer is over: the time that it stands for has not passed for anything else */
  constructor(activities: Activities, waited: () => void) {
    this.#activities = activities;
    this.#waited = waited;
  }

  start(id: string, input: RunInput): Promise<void> {
    this.started.push(input);
    this.#ended.set(id, this.#play(id, JSON.parse(JSON.stringify(input)) as RunInput));
    return Promise.resolve();
  }

  async status(id: string): Promise<RunStatus | undefined> {
    const output = await this.#ended.get(id);
    if (output === undefined) return undefined;
    return output.ok ? { state: 'succeeded' } : { state: 'failed', error: output.error };
  }

  async #play(id: string, input: RunInput): Promise<RunOutput> {
    let now = new Date('2026-03-01T12:00:00Z');
    const df = {
      instanceId: id,
      get currentUtcDateTime() {
        return now;
      },
      getInput: () => input,
      newGuid: () => `${id.slice(0, 8)}-0000-4000-8000-000000000000`,
      setCustomStatus: (status: RunProgress) => void this.statuses.push(status),
      callActivity: (name: string, given: unknown): Activity => ({ name, input: given }),
      createTimer: (until: Date) => ({ until }),
      Task: { all: (all: readonly Activity[]) => ({ all }) },
    };
    const generator = cacheImage({ df } as unknown as OrchestrationContext);
    let next = generator.next();
    for (let turns = 0; next.done !== true; turns++) {
      assert.ok(turns < MAX_TURNS, `the run of ${input.image} does not end`);
      const task = next.value as unknown as Task;
      if ('until' in task) {
        this.waits.push((task.until.getTime() - now.getTime()) / 1000);
        now = task.until;
        this.#waited();
        next = generator.next(undefined);
      } else if ('all' in task)
        next = generator.next(await Promise.all(task.all.map((one) => this.#run(one))));
      else next = generator.next(await this.#run(task));
    }
    return next.value;
  }

  /** Through JSON both ways, as a history keeps it. */
  async #run({ name, input }: Activity): Promise<unknown> {
    const work = this.#activities[name] ?? assert.fail(`there is no activity ${name}`);
    try {
      const value = (await work(JSON.parse(JSON.stringify(input)) as never)) ?? null;
      return JSON.parse(JSON.stringify({ ok: true, value }));
    } catch (error) {
      if (error instanceof CacheError) return { ok: false, error: error.toFailure() };
      throw error;
    }
  }
}
