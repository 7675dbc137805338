import type { RunView } from '../../api/operatorViews.ts';

/** What has changed between two looks at the service's runs. */
export class RunChanges {
  /** What was last seen of each run on its way, by image and platform. */
  readonly #pending = new Map<string, RunView>();
  /** What each failure looked like when it was seen. */
  #failures: ReadonlySet<string> | undefined;

  get pending(): readonly RunView[] {
    return [...this.#pending.values()];
  }

  /**
   * Takes in all runs as they are now. What had failed before the first look is no news.
   * @returns runs that are new, moved on or failed; and those that were on their way and are not listed any more:
   * the image is ready, or gone, or there is too much to list, which only the image's state tells
   */
  of(runs: readonly RunView[]): {
    readonly changed: readonly RunView[];
    readonly vanished: readonly RunView[];
  } {
    const failed = runs.filter(({ state }) => state === 'failed');
    const known = this.#failures ?? new Set(failed.map(failureOf));
    const changed = failed.filter((run) => !known.has(failureOf(run)));
    this.#failures = new Set(failed.map(failureOf));
    const listed = new Set<string>();
    for (const run of runs.filter(({ state }) => state === 'pending')) {
      listed.add(keyOf(run));
      if (JSON.stringify(this.#pending.get(keyOf(run))) !== JSON.stringify(run)) changed.push(run);
      this.#pending.set(keyOf(run), run);
    }
    for (const run of changed)
      if (run.state === 'failed' && !listed.has(keyOf(run))) this.#pending.delete(keyOf(run));
    const vanished = this.pending.filter((run) => !listed.has(keyOf(run)));
    return { changed, vanished };
  }

  /** It is on its way no more. */
  settle(run: RunView): void {
    this.#pending.delete(keyOf(run));
  }
}

function keyOf({ image, platform }: RunView): string {
  return `${image} ${platform}`;
}

function failureOf(run: RunView): string {
  return `${keyOf(run)} ${run.startedAt} ${run.updatedAt}`;
}
