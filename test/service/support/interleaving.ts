import type { PipelinePolicy } from '@azure/core-rest-pipeline';

/** A generator of numbers from 0 up to 1, the same for the same seed. https://en.wikipedia.org/wiki/Xorshift */
export function seeded(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  for (let skipped = 0; skipped < 8; skipped++) next();
  return next;
}

/** A call as it was made. */
export interface MadeCall {
  readonly actor: string;
  /** `GET list`, `PUT metadata`, `DELETE`: the method, and what kind of call it is. */
  readonly kind: string;
  /** The blob's or the container's path. */
  readonly path: string;
  readonly status: number;
}

interface Waiting {
  readonly actor: string;
  readonly go: () => void;
}

/**
 * Several actors that work on one storage account, one storage call at a time: whose call is next, chance decides. A
 * call is chosen only once every actor that has not ended wants to make one, so that the same seed gives the same order.
 */
export class Interleaving {
  readonly #random: () => number;
  readonly #active = new Set<string>();
  #waiting: Waiting[] = [];
  #isBusy = false;
  /** In their order. */
  readonly calls: MadeCall[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  /** What makes an actor's calls wait for their turn. */
  policyOf(actor: string): PipelinePolicy {
    return {
      name: 'one call at a time',
      sendRequest: async (request, next) => {
        if (!this.#active.has(actor)) return next(request);
        await new Promise<void>((go) => {
          this.#waiting.push({ actor, go });
          this.#choose();
        });
        try {
          const response = await next(request);
          const { pathname, searchParams } = new URL(request.url);
          const kind = [request.method, searchParams.get('comp') ?? ''].join(' ').trim();
          this.calls.push({ actor, kind, path: decodeURIComponent(pathname), status: response.status });
          return response;
        } finally {
          this.#isBusy = false;
          setImmediate(() => this.#choose());
        }
      },
    };
  }

  /** Runs all actors to their ends. */
  async run<T>(
    actors: ReadonlyMap<string, () => Promise<T>>,
  ): Promise<ReadonlyMap<string, PromiseSettledResult<T>>> {
    for (const actor of actors.keys()) this.#active.add(actor);
    const ended = [...actors].map(async ([actor, work]) => {
      const [result] = await Promise.allSettled([work()]);
      this.#active.delete(actor);
      this.#choose();
      return [actor, result] as const;
    });
    return new Map(await Promise.all(ended));
  }

  #choose(): void {
    if (this.#isBusy || this.#waiting.length === 0) return;
    const wanting = new Set(this.#waiting.map(({ actor }) => actor));
    for (const actor of this.#active) if (!wanting.has(actor)) return;
    const actors = [...wanting].sort();
    const actor = actors[Math.floor(this.#random() * actors.length)];
    const chosen = this.#waiting.find((waiting) => waiting.actor === actor);
    if (chosen === undefined) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== chosen);
    this.#isBusy = true;
    chosen.go();
  }
}
