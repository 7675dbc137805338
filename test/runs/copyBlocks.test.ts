import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import type { CacheContext } from '../../src/context.ts';
import { CacheError } from '../../src/errors.ts';
import { type Digest } from '../../src/image/digest.ts';
import { COPY_TIMES, copyBlocks, type CopyContext, type CopyTimes } from '../../src/runs/copyBlocks.ts';
import type { Copied, CopiedStretch, CopyInput, PendingStretch } from '../../src/runs/messages.ts';
import { readArchive } from '../../src/store/archive/archives.ts';
import { deleteRunPlan, readRunPlan } from '../../src/store/archive/runPlans.ts';
import { sha512Of } from '../archive/support/samples.ts';
import { sendBytes } from '../registry/support/server.ts';
import { type ImageSpec } from './support/loopbackRegistry.ts';
import {
  commit,
  copyAll,
  dropHints,
  resolve,
  type ResolvedRun,
  type Rig,
  runActivities,
  startRig,
  expectedArchive,
  storedArchive,
} from './support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
  rig.registry.redirects = false;
});

/** Over at once: what is under way is finished. */
const BRIEF: CopyTimes = { sliceMs: 0, deadlineMs: 60_000 };

const layer = (size: number): Buffer => randomBytes(size);

/** Slices that are over as soon as they have copied something. */
async function slices(
  context: CopyContext,
  { planned, stretches }: Pick<ResolvedRun, 'planned' | 'stretches'>,
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<Copied[]> {
  const all: Copied[] = [];
  for (let left: readonly PendingStretch[] = stretches; left.length > 0;) {
    await before();
    const input: CopyInput = { planned, stretches: left };
    const copied = await copyBlocks(context, input, BRIEF);
    assert.equal(copied.failure, undefined);
    assert.ok(copied.done.length > 0, 'nothing was copied');
    all.push(copied);
    left = copied.rest;
  }
  return all;
}

describe('copying an image', () => {
  const one = layer(9000);
  const shapes: Readonly<Record<string, ImageSpec>> = {
    'no layers': { layers: [] },
    'small layers that share a task': { layers: [layer(100), layer(3000), layer(5000), layer(511)] },
    'layers that end where a block does': { layers: [layer(4096 - 512), layer(8192 - 512), layer(4096)] },
    'a layer of many blocks': { layers: [layer(10), layer(50_001), layer(20)] },
    'two layers of many blocks at once': { layers: [layer(30_000), layer(35_000)] },
    'empty layers': { layers: [Buffer.alloc(0), layer(10), Buffer.alloc(1024)] },
    'a layer that occurs again': { layers: [one, layer(10), one, one] },
    'layers by sha512, one of many blocks': { layers: [layer(20_000), layer(10)], digestOf: sha512Of },
  };
  for (const redirects of [false, true]) {
    describe(redirects ? 'from a storage that takes ranges' : 'in one stream', () => {
      for (const [shape, spec] of Object.entries(shapes)) {
        for (const [how, times] of [
          ['at once', COPY_TIMES],
          ['in slices', BRIEF],
        ] as const) {
          it(`${how}, with ${shape}, makes its archive byte for byte`, async () => {
            rig.registry.redirects = redirects;
            const { image } = rig.push(spec);
            const resolved = await resolve(rig.context, image);
            await commit(rig.context, resolved, await copyAll(rig.context, resolved, times));
            const archive = await storedArchive(rig.context, resolved.planned.blob);
            assert.equal(archive.length, resolved.totalBytes);
            assert.ok(archive.equals(await expectedArchive(rig, rig.context, image)), 'other bytes');
          });
        }
      }
    });
  }

  it('in slices carries the state of a hash from one to the next', async () => {
    const { image } = rig.push({ layers: [layer(50_000)] });
    const { planned, stretches } = await resolve(rig.context, image);
    const [first, second, ...more] = await slices(rig.context, { planned, stretches });
    assert.ok(more.length >= 4, `${more.length + 2} slices`);
    const states = [first, second].map((copied) => copied?.rest[0]?.hashState ?? '');
    for (const state of states) assert.match(state, /^[A-Za-z0-9+/=]{100,300}$/);
    assert.notEqual(states[0], states[1]);
    assert.deepEqual(more.at(-1)?.rest, []);

    // The last stretch with the state of another one proves nothing, and the whole layer is to be copied again.
    const last = more.at(-1)?.done[0] ?? assert.fail();
    const hashState = states[0] ?? '';
    const input = { planned, stretches: [{ from: last.from, to: last.to, hashState }] };
    const { done, rest, failure } = await copyBlocks(rig.context, input);
    assert.equal(failure?.code, 'digest_mismatch');
    assert.deepEqual(done, []);
    assert.deepEqual(
      rest.map(({ from, to }) => ({ from, to })),
      stretches,
    );
    const again = await copyBlocks(rig.context, { planned, stretches: rest });
    assert.equal(again.failure, undefined);
  });

  for (const [what, lose] of [
    ['every hint', ({ storage }: CacheContext) => dropHints(storage)],
    [
      'every hint and its plan',
      async ({ storage }: CacheContext, { planned }: ResolvedRun) => {
        await dropHints(storage);
        await deleteRunPlan(storage, planned.blob, planned.run);
      },
    ],
  ] as const) {
    it(`goes on to the same archive where ${what} is lost between any two steps`, async () => {
      const context = await rig.with({});
      const { image } = rig.push({ layers: [layer(60_000), layer(100)] });
      const resolved = await resolve(context, image);
      const copied: CopiedStretch[] = [];
      for (const slice of await slices(context, resolved, () => lose(context, resolved)))
        copied.push(...slice.done);
      await lose(context, resolved);
      await commit(context, resolved, copied);
      const archive = await storedArchive(context, resolved.planned.blob);
      assert.ok(archive.equals(await expectedArchive(rig, context, image)), 'other bytes');
      assert.equal(
        await readRunPlan(context.storage, resolved.planned.blob, resolved.planned.run),
        undefined,
      );
    });
  }

  it('asks no registry for a document after the first step, whatever hints are lost', async () => {
    const context = await rig.with({});
    const { image } = rig.push({ layers: [layer(60_000)] });
    const resolved = await resolve(context, image);
    await dropHints(context.storage);
    const before = rig.registry.seen.length;
    await commit(context, resolved, await copyAll(context, resolved));
    const seen = rig.registry.seen.slice(before).map(({ url }) => url);
    assert.ok(seen.length > 0);
    assert.deepEqual(
      [...new Set(seen)].filter((url) => !url.includes('/blobs/')),
      [],
    );
    assert.equal(new Set(seen).size, 1, 'the layer and nothing else');
  });

  it('pulls each document once, however many activities need it', async () => {
    const { image } = rig.push({ layers: [layer(60_000)] });
    const before = rig.registry.seen.length;
    await runActivities(rig.context, image);
    const seen = rig.registry.seen.slice(before).map(({ method, url }) => `${method} ${url}`);
    assert.equal(seen.filter((line) => line.includes('/manifests/')).length, 1);
    assert.equal(new Set(seen).size, 3, 'manifest, config and the layer');
  });
});

describe('a registry that sends something else', () => {
  /** Answers for the layer in its own way, and pushes layers before and after it. */
  function corrupt(
    size: number,
    change: (bytes: Buffer) => Buffer,
  ): { readonly image: string; readonly digest: Digest } {
    const { image, layers } = rig.push({ layers: [layer(100), layer(size), layer(200)] });
    const digest = layers[1]?.digest ?? assert.fail();
    rig.registry.misbehave = (request, response) => {
      if (!request.url.endsWith(digest)) return false;
      sendBytes(request, response, change(Buffer.from(rig.registry.blobs.get(digest) ?? '')));
      return true;
    };
    return { image, digest };
  }

  async function assertRefused(image: string, digest: Digest, where: RegExp): Promise<void> {
    const { blob } = (await resolve(rig.context, image)).planned;
    await assert.rejects(runActivities(rig.context, image), (error: unknown) => {
      assert.ok(error instanceof CacheError, String(error));
      assert.equal(error.code, 'digest_mismatch', error.message);
      assert.equal(error.retryable, false);
      assert.ok(error.message.includes(digest), error.message);
      assert.match(error.message, where);
      return true;
    });
    assert.equal(await readArchive(rig.context.storage, blob), undefined);
    assert.equal(await rig.context.storage.images.getBlobClient(blob).exists(), false);
  }

  const flip =
    (at: number) =>
    (bytes: Buffer): Buffer => {
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes;
    };
  for (const [what, size, at] of [
    ['the first byte of a small layer', 5000, 0],
    ['the last byte of a small layer', 5000, 4999],
    ['a byte in the first of many blocks', 50_000, 7],
    ['a byte in the last of many blocks', 50_000, 49_999],
  ] as const) {
    it(`flips ${what}: nothing is committed, the layer is named`, async () => {
      const { image, digest } = corrupt(size, flip(at));
      await assertRefused(image, digest, /^Layer 2 of 3 of .*corrupt/);
    });
  }

  it('truncates a layer: nothing is committed', async () => {
    const { image, digest } = corrupt(50_000, (bytes) => bytes.subarray(0, 49_000));
    await assertRefused(image, digest, /49000 bytes|fewer bytes|ended early/);
  });

  it('has more bytes than the manifest says: nothing is committed', async () => {
    const { image, digest } = corrupt(5000, (bytes) => Buffer.concat([bytes, Buffer.alloc(700)]));
    await assertRefused(image, digest, /5700 bytes|more bytes/);
  });

  it('says more in the manifest than there is: nothing is committed', async () => {
    const bytes = layer(3000);
    const { image, layers } = rig.push({ layers: [bytes] });
    const digest = layers[0]?.digest ?? assert.fail();
    rig.registry.blobs.set(digest, bytes.subarray(0, 10));
    await assertRefused(image, digest, /10 bytes/);
  });
});
