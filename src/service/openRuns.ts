import { CacheError } from '../errors.ts';
import type { Runs } from '../runs/messages.ts';

/** Runs under way that one process has started: for one registry, for registries that do not answer, and in all. */
export const RUN_LIMITS = { ofHost: 200, unanswered: 100, all: 2000 };
/** Runs whose end is looked for at a time, and how often: a crowd at the limit must not become one at the task hub. */
const LOOKS = 20;
const LOOK_EVERY_MS = 1000;
const RETRY_AFTER_SECONDS = 30;

export interface WantedRun {
  readonly id: string;
  readonly registry: string;
  /** The registry could not be asked: the run waits for it. */
  readonly isUnanswered: boolean;
}

/**
 * A bound on the runs that callers can start, so that neither one registry nor a thousand names of nobody fill the task
 * hub, and room is left for the others. Of this process alone: each instance of the app adds its own.
 */
export class OpenRuns {
  readonly #limits: typeof RUN_LIMITS;
  /** By id, longest not looked at first. */
  readonly #open = new Map<string, WantedRun>();
  #looked = Number.NEGATIVE_INFINITY;

  constructor(limits = RUN_LIMITS) {
    this.#limits = limits;
  }

  /**
   * Counts a run that is about to be started or joined.
   * @throws {CacheError} registry_throttled where there are too many
   */
  async admit(runs: Runs, wanted: WantedRun): Promise<void> {
    if (this.#open.has(wanted.id)) return;
    const full = this.#full(wanted);
    if (full !== undefined) await this.#lookForEnds(runs, full.counted);
    const still = full && this.#full(wanted);
    if (still !== undefined) {
      throw new CacheError(
        'registry_throttled',
        `${still.detail} No more is begun before some of them have ended.`,
        { retryAfterSeconds: RETRY_AFTER_SECONDS },
      );
    }
    this.#open.set(wanted.id, wanted);
  }

  /** The limit that has no room for a run, and the runs that it counts. */
  #full({ registry, isUnanswered }: WantedRun): Full | undefined {
    const { ofHost, unanswered, all } = this.#limits;
    const open = [...this.#open.values()];
    if (open.length >= all)
      return { detail: `${all} images are on their way into the cache.`, counted: open };
    const ofSame = open.filter((run) => run.registry === registry);
    if (ofSame.length >= ofHost)
      return { detail: `${ofHost} images of ${registry} are on their way into the cache.`, counted: ofSame };
    const waiting = isUnanswered ? open.filter((run) => run.isUnanswered) : [];
    if (waiting.length < unanswered) return undefined;
    const detail = `${registry} did not answer, and ${unanswered} images wait for registries that do not.`;
    return { detail, counted: waiting };
  }

  async #lookForEnds(runs: Runs, counted: readonly WantedRun[]): Promise<void> {
    const now = performance.now();
    if (now - this.#looked < LOOK_EVERY_MS) return;
    this.#looked = now;
    await Promise.all(
      counted.slice(0, LOOKS).map(async (run) => {
        const status = await runs.status(run.id).catch(() => undefined);
        // Those that are still under way go to the end, so that the next look is at others.
        this.#open.delete(run.id);
        if (status?.state === 'pending') this.#open.set(run.id, run);
      }),
    );
  }
}

interface Full {
  readonly detail: string;
  readonly counted: readonly WantedRun[];
}
