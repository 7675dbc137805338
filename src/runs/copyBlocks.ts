import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { type Block, cutBlocks, type LayerBlocks } from '../archive/blocks.ts';
import type { Stretch } from '../archive/stretches.ts';
import type { CacheContext } from '../context.ts';
import { CacheError, type Failure } from '../errors.ts';
import type { Descriptor } from '../image/manifest.ts';
import { canonicalReference } from '../image/reference.ts';
import { stageBlock } from '../store/archive/staging.ts';
import type { BytesPulled } from '../registry/blob/blobReader.ts';
import type { BlockMemory } from './blockMemory.ts';
import { copyLayer } from './copyLayer.ts';
import { eachInParallel } from './eachInParallel.ts';
import { type LayerHash, savableHash, wholeLayerHash } from './layerHash.ts';
import type { Copied, CopiedStretch, CopyInput, PendingStretch, PlannedRun } from './messages.ts';
import { worstOf } from './patience.ts';
import { openPlan, type RunPlan } from './runPlan.ts';

/** Layers of one activity that are copied at the same time. */
const PARALLEL_LAYERS = 4;

/** What copying works with. */
export interface CopyContext extends CacheContext {
  /** Of all blocks in flight in this process, whatever runs in it. */
  readonly blockMemory: BlockMemory;
}

/** How long one activity copies, in milliseconds. */
export interface CopyTimes {
  /** After this no block is started any more; those under way are finished. So activities take turns. */
  readonly sliceMs: number;
  /** After this whatever is under way is broken off: longer than a block of 8 MiB takes at 16 KiB/s. */
  readonly deadlineMs: number;
}

export const COPY_TIMES: CopyTimes = { sliceMs: 60_000, deadlineMs: 12 * 60_000 };

/** A longer layer is hashed so that its progress can be kept, however fast it comes: bytes. */
const MOST_UNSAVED_BYTES = 1024 ** 3;

/**
 * Second activity of a run, called until nothing is left: copies stretches of the archive for about a minute, block
 * after block, straight from the registry into staged blocks. Holds little in memory and nothing on disk. A layer
 * that ends is proven, by size and digest; of one that goes on, the state of its hash says how far it came. What is
 * staged and hashed is kept, whatever fails after it: a failure is a part of the answer.
 * @throws what is no CacheError: a defect
 */
export async function copyBlocks(
  context: CopyContext,
  { planned, stretches }: CopyInput,
  times: CopyTimes = COPY_TIMES,
): Promise<CopiedSlice> {
  const began = performance.now();
  const plan = await openPlan(context, planned);
  const slice = new Slice(context, planned, plan, times, began);
  const timer = setTimeout(() => slice.abort(tooLong(plan, times)), times.deadlineMs);
  try {
    const { layers } = cutBlocks(plan.geometry, planned.blockBytes);
    await eachInParallel(partsOf(layers, stretches), PARALLEL_LAYERS, (part) => slice.copy(part));
  } finally {
    clearTimeout(timer);
  }
  const { done, rest, failure, pulled } = slice;
  const starts = new Set(stretches.map(({ from }) => from));
  return {
    done: joined(done, () => true),
    // What was dealt out together stays together, and no more: shares are made of these.
    rest: joined(rest, (before, after) => {
      return before.hashState === undefined && after.hashState === undefined && !starts.has(after.from);
    }),
    ...(failure !== undefined && { failure }),
    pulled,
  };
}

/** What the run goes on with, and what is told of it. */
export interface CopiedSlice extends Copied {
  readonly pulled: BytesPulled;
}

/** Those of a layer's blocks that lie in a stretch. */
interface LayerPart extends LayerBlocks, PendingStretch {
  readonly whole: Stretch;
}

/** One execution of the activity, and what came of it so far. */
class Slice {
  readonly done: CopiedStretch[] = [];
  readonly rest: PendingStretch[] = [];
  readonly pulled = { registry: 0, redirect: 0 };
  readonly #context: CopyContext;
  readonly #planned: PlannedRun;
  readonly #plan: RunPlan;
  readonly #times: CopyTimes;
  readonly #began: number;
  readonly #attempt = randomBytes(4).toString('hex');
  readonly #aborting = new AbortController();
  readonly #failures: Failure[] = [];
  #hasBegun = false;

  constructor(context: CopyContext, planned: PlannedRun, plan: RunPlan, times: CopyTimes, began: number) {
    this.#context = context;
    this.#planned = planned;
    this.#plan = plan;
    this.#times = times;
    this.#began = began;
  }

  get failure(): Failure | undefined {
    return worstOf(this.#failures);
  }

  /** Breaks off whatever is under way. */
  abort(error: CacheError): void {
    if (this.#aborting.signal.aborted) return;
    this.#failures.push(error.toFailure());
    this.#aborting.abort(error);
  }

  async copy(part: LayerPart): Promise<void> {
    const { from, to, hashState, layer, blocks, whole } = part;
    // However late it is, one block is copied: else a run could go on for ever.
    if (this.#hasBegun && !this.#goesOn(undefined)) {
      this.rest.push({ from, to, ...(hashState !== undefined && { hashState }) });
      return;
    }
    this.#hasBegun = true;
    const { descriptor } = layer;
    const { registry, blockMemory: memory, storage } = this.#context;
    const { run, blob } = this.#planned;
    const { signal } = this.#aborting;
    const attempt = this.#attempt;
    const began = performance.now();
    const { done, hash, ...reached } = await copyLayer({
      registry,
      memory,
      owner: run,
      ref: this.#plan.source,
      layer,
      blocks,
      hash: (atOnce) => {
        const expectedMs = ((performance.now() - began) * blocks.length) / atOnce;
        return hashState === undefined && this.#mayLose(descriptor, expectedMs)
          ? Promise.resolve(wholeLayerHash(descriptor.digest))
          : savableHash(descriptor.digest, hashState);
      },
      stage: (index, pieces) => stageBlock(storage, blob, { index, run, attempt }, pieces, signal),
      goesOn: (running) => this.#goesOn(running),
      signal,
    });
    this.pulled.registry += reached.pulled?.registry ?? 0;
    this.pulled.redirect += reached.pulled?.redirect ?? 0;
    if (reached.failure !== undefined) this.#fail(reached.failure);
    if (done === blocks.length && hash?.matches(descriptor.digest) === true) {
      this.done.push({ from, to, attempt });
    } else if (done === blocks.length) {
      this.#fail(corrupt(this.#plan, descriptor));
      this.rest.push({ ...whole, hashState: await stateAtStart(descriptor) });
    } else if (reached.hashState !== undefined) {
      this.done.push({ from, to: from + done, attempt });
      this.rest.push({ from: from + done, to, hashState: reached.hashState });
    } else {
      // A layer that did not come to its end is one whose progress is kept from now on.
      const state = hashState ?? (hash === undefined ? undefined : await stateAtStart(descriptor));
      this.rest.push({ from, to, ...(state !== undefined && { hashState: state }) });
    }
  }

  #goesOn(hash: LayerHash | undefined): boolean {
    const { sliceMs } = this.#times;
    // What cannot be saved would be lost: it was expected to be done by now, and gets some more time.
    const most = hash?.canBeSaved === false ? 2 * sliceMs : sliceMs;
    return this.#failures.length === 0 && performance.now() - this.#began < most;
  }

  /** Whether a layer may be copied without saving how far it came. */
  #mayLose({ size }: Descriptor, expectedMs: number): boolean {
    return size <= MOST_UNSAVED_BYTES && expectedMs <= this.#times.sliceMs;
  }

  #fail(error: unknown): void {
    // What is broken off says so in many ways; why is known.
    if (this.#aborting.signal.aborted) return;
    if (!(error instanceof CacheError)) {
      this.#aborting.abort(error);
      throw error;
    }
    // Where nothing comes of the run, whatever else is under way is work for nothing.
    if (!error.retryable && error.code !== 'digest_mismatch') this.abort(error);
    else this.#failures.push(error.toFailure());
  }
}

function partsOf(layers: readonly LayerBlocks[], stretches: readonly PendingStretch[]): LayerPart[] {
  return stretches.flatMap(({ from, to, hashState }) =>
    layers.flatMap(({ layer, blocks: all }) => {
      const blocks = all.filter(({ index }) => index >= from && index < to);
      const [first, last] = [blocks[0], blocks.at(-1)];
      if (first === undefined || last === undefined) return [];
      const part = { layer, blocks, from: first.index, to: last.index + 1, whole: stretchOf(all) };
      return [{ ...part, ...(hashState !== undefined && { hashState }) }];
    }),
  );
}

function stretchOf(blocks: readonly Block[]): Stretch {
  return { from: blocks[0]?.index ?? 0, to: (blocks.at(-1)?.index ?? -1) + 1 };
}

/** In order, neighbours put together where they may be. */
function joined<T extends Stretch>(stretches: readonly T[], mayJoin: (before: T, after: T) => boolean): T[] {
  const all: T[] = [];
  for (const next of stretches.toSorted((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last?.to === next.from && mayJoin(last, next)) all[all.length - 1] = { ...last, to: next.to };
    else all.push(next);
  }
  return all;
}

async function stateAtStart({ digest }: Descriptor): Promise<string> {
  return (await savableHash(digest, undefined)).save() ?? '';
}

function corrupt({ layers, source }: RunPlan, { digest, size }: Descriptor): CacheError {
  // As the manifest counts them: the archive has a layer that occurs twice only once.
  const number = layers.findIndex((layer) => layer.digest === digest) + 1;
  return new CacheError(
    'digest_mismatch',
    `Layer ${number} of ${layers.length} of ${canonicalReference(source)} is corrupt: the ${size} bytes that the registry sends for ${digest} have another digest. Push the image again; nothing was cached.`,
  );
}

function tooLong({ source }: RunPlan, { deadlineMs }: CopyTimes): CacheError {
  return new CacheError(
    'registry_unavailable',
    `Copying ${canonicalReference(source)} from ${source.registry} did not come to a stop within ${deadlineMs / 60_000} minutes, and was broken off. What was copied is kept. Try again later.`,
  );
}
