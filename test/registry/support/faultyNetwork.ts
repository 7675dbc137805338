import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CacheError } from '../../../src/errors.ts';
import type { RegistryEvent } from '../../../src/registry/exchange/events.ts';
import { removeDirectory, temporaryDirectory } from '../../support/process.ts';
import { startRegistry } from '../../support/registry.ts';
import { type FaultKind, type FaultPlan, type FaultProxy, startFaultProxy } from './faultProxy.ts';
import { Random } from './random.ts';
import { push, type SampleImage, sampleImage } from './samples.ts';
import { startStorage } from './storage.ts';

/** Waits that make a thousand pulls a matter of seconds. */
export const IMPATIENT = {
  attempts: 5,
  backoffFirstMs: 1,
  backoffMaxMs: 4,
  connectMs: 2_000,
  headersMs: 900,
  patientHeadersMs: 900,
  stallMs: 60,
  documentMs: 300,
  longestWaitMs: 50,
  downFirstMs: 1,
  downMaxMs: 4,
  doubtMs: 900,
};
/** A pull that takes longer hangs: the sum of all its waits is a fraction of this. */
const HANG_MS = 60_000;
const CONCURRENT_PULLS = 8;

/** Real registries, one of which redirects to storage, behind proxies that break what passes through them. */
export interface FaultyNetwork {
  /** Pushed as `team/sample:0`, `team/sample:1`, … */
  readonly images: readonly SampleImage[];
  /**
   * Runs `pull` once for each seed, several side by side, each over proxies of its own so that a seed means a
   * course of events. A pull ends in `identical` or with a CacheError; anything else fails the test.
   */
  pullSeeds(first: number, count: number, pull: (one: SeededPull) => Promise<void>): Promise<Tally>;
  close(): Promise<void>;
}

export interface SeededPull {
  readonly seed: number;
  readonly random: Random;
  readonly image: SampleImage;
  /** `127.0.0.1:4711/team/sample:1` */
  readonly reference: string;
  readonly insecureRegistries: readonly string[];
  readonly log: (event: RegistryEvent) => void;
  /** Does something while nothing is broken. */
  undisturbed<T>(work: () => Promise<T>): Promise<T>;
}

export async function startFaultyNetwork(sizes: readonly (readonly number[])[]): Promise<FaultyNetwork> {
  const directory = await temporaryDirectory('faults');
  const dataDirectory = path.join(directory, 'data');
  await mkdir(dataDirectory);
  const storage = await startStorage(dataDirectory);
  const direct = await startRegistry({ dataDirectory });
  const toStorage = [{ name: 'redirect', options: { baseurl: storage.origin } }];
  const redirecting = await startRegistry({ dataDirectory, config: { middleware: { storage: toStorage } } });
  const images = sizes.map(sampleImage);
  for (const [index, image] of images.entries()) await push(direct, 'team/sample', String(index), image);

  async function work(
    seeds: Iterator<number>,
    tally: Tally,
    pull: (one: SeededPull) => Promise<void>,
  ): Promise<void> {
    const quiet: FaultPlan = { random: new Random(0), rate: 0 };
    let plan = quiet;
    const storageProxy = await startFaultProxy(storage.origin, () => plan);
    const directProxy = await startFaultProxy(direct.url, () => plan);
    const redirectingProxy = await startFaultProxy(redirecting.url, () => plan, storageProxy.origin);
    const proxies: FaultProxy[] = [storageProxy, directProxy, redirectingProxy];
    for (let next = seeds.next(); next.done !== true; next = seeds.next()) {
      const seed = next.value;
      const random = new Random(seed);
      const faults = { random, rate: random.next() * 0.5 };
      const { host } = random.chance(0.5) ? directProxy : redirectingProxy;
      const tag = random.between(0, images.length);
      const image = images[tag];
      if (image === undefined) throw new Error('no image');
      plan = faults;
      const one: SeededPull = {
        ...{ seed, random, image, reference: `${host}/team/sample:${tag}` },
        insecureRegistries: proxies.map((proxy) => proxy.host),
        log: (event) => tally.note(event),
        undisturbed: async (quietly) => {
          plan = quiet;
          try {
            return await quietly();
          } finally {
            plan = faults;
          }
        },
      };
      tally.outcome(await Promise.race([outcomeOf(one, pull), hang(seed)]));
    }
    for (const proxy of proxies) {
      tally.faults(proxy.injected);
      await proxy.close();
    }
  }

  return {
    images,
    pullSeeds: async (first, count, pull) => {
      const tally = new Tally();
      const seeds = Array.from({ length: count }, (_, index) => first + index).values();
      await Promise.all(Array.from({ length: CONCURRENT_PULLS }, () => work(seeds, tally, pull)));
      return tally;
    },
    close: async () => {
      for (const one of [direct, redirecting, storage]) await one.close();
      await removeDirectory(directory);
    },
  };
}

async function outcomeOf(one: SeededPull, pull: (one: SeededPull) => Promise<void>): Promise<string> {
  try {
    await pull(one);
    return 'identical';
  } catch (error) {
    if (error instanceof CacheError) return error.code;
    throw new Error(`seed ${one.seed}`, { cause: error });
  }
}

async function hang(seed: number): Promise<never> {
  await sleep(HANG_MS, undefined, { ref: false });
  throw new Error(`seed ${seed} hangs`);
}

/** What came of the pulls, and what they went through. */
export class Tally {
  readonly outcomes = new Map<string, number>();
  readonly injected = new Map<FaultKind, number>();
  resumes = 0;
  /** Bytes that were received again because a server could not send from the middle. */
  reread = 0;

  note(event: RegistryEvent): void {
    if (event.type !== 'resume') return;
    this.resumes += 1;
    this.reread += event.reread;
  }

  outcome(name: string): void {
    this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + 1);
  }

  faults(injected: ReadonlyMap<FaultKind, number>): void {
    for (const [kind, count] of injected) this.injected.set(kind, (this.injected.get(kind) ?? 0) + count);
  }

  report(): string {
    const [outcomes, injected] = [this.outcomes, this.injected].map((map) =>
      JSON.stringify(Object.fromEntries(map)),
    );
    return `outcomes ${outcomes}; faults ${injected}; ${this.resumes} resumes, ${this.reread} bytes re-read`;
  }
}
