import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { TestContext } from 'node:test';
import type { LoopbackRegistry } from '../../runs/support/loopbackRegistry.ts';
import type { TestService } from '../../support/service.ts';

const MiB = 1024 * 1024;
/** Images that are timed for one figure; their median counts. */
const TIMES = 5;
/** So many times as long as alone a small image may take beside others. */
const MOST = 2;

/** Small images of a good registry, timed alone and beside what would starve them, in one run. */
export class SmallImages {
  readonly #service: TestService;
  readonly #registry: LoopbackRegistry;
  #count = 0;
  #alone = Number.NaN;

  constructor(service: TestService, registry: LoopbackRegistry) {
    this.#service = service;
    this.#registry = registry;
  }

  /** Times them alone. The first one of a service takes longer, and does not count. */
  async timeAlone(): Promise<void> {
    await this.#time();
    this.#alone = await this.#median();
  }

  /** What starves an image does so each time; a busy machine does not. */
  async assertUnharmed(t: TestContext): Promise<void> {
    let beside = await this.#median();
    for (let more = 0; more < 2 && beside > MOST * this.#alone; more++) beside = await this.#median();
    t.diagnostic(`${Math.round(this.#alone)} ms alone, ${Math.round(beside)} ms beside it`);
    assert.ok(beside <= MOST * this.#alone, `${beside} ms, ${this.#alone} ms alone`);
  }

  /** Milliseconds until one is ready. */
  async #time(): Promise<number> {
    const tag = `team/small${this.#count++}:1`;
    this.#registry.push(tag, { layers: [randomBytes(MiB)] });
    const began = performance.now();
    await this.#service.cache(`${this.#registry.host}/${tag}`);
    return performance.now() - began;
  }

  async #median(): Promise<number> {
    const all: number[] = [];
    for (let time = 0; time < TIMES; time++) all.push(await this.#time());
    return all.sort((a, b) => a - b)[Math.floor(TIMES / 2)] ?? Number.POSITIVE_INFINITY;
  }
}
