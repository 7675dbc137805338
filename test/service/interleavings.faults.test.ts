import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BlobServiceClient, newPipeline } from '@azure/storage-blob';
import { planLayout } from '../../src/archive/layout.ts';
import { CacheError } from '../../src/errors.ts';
import { type Digest, hexOf } from '../../src/image/digest.ts';
import { fetchImage } from '../../src/runs/fetchImage.ts';
import { ensureImage } from '../../src/service/ensureImage.ts';
import { lookupImage } from '../../src/service/lookupImage.ts';
import { removeImage } from '../../src/service/removeImage.ts';
import { registryFolder } from '../../src/store/archive/archiveNames.ts';
import { readArchive } from '../../src/store/archive/archives.ts';
import type { Storage } from '../../src/store/storage.ts';
import { pruneImages } from '../../src/upkeep/pruneImages.ts';
import { reindexPage } from '../../src/upkeep/reindex.ts';
import { assemble } from '../archive/support/samples.ts';
import { AMD64 } from '../runs/support/loopbackRegistry.ts';
import { RecordedRuns, type Rig, runActivities, startRig, type TestContext } from '../runs/support/rig.ts';
import { podman, savedSample, tarOf } from '../support/savedArchives.ts';
import { Interleaving, type MadeCall, seeded } from './support/interleaving.ts';

/** How many, and from which seed on: one that fails is run again with `INTERLEAVINGS=1 SEED=…`. */
const COUNT = Number(process.env.INTERLEAVINGS ?? 2000);
const FIRST = Number(process.env.SEED ?? 1);
/** Suites of them, so that a failure is found by its name. */
const SUITE = 250;
/** Interleavings at a time: while Azurite works on one, this process works on another. */
const AT_ONCE = 3;
/** One in so many goes on until the image is there again, and gone again. */
const THOROUGH = 4;
/** When everything is due. */
const LATER = new Date('2999-01-01T00:00:00Z');

const ACTORS = ['ensure', 'ensure', 'lookup', 'remove', 'prune', 'adopt', 'reindex'] as const;
type Kind = (typeof ACTORS)[number];

/** What an actor may meet while the others work: each is an answer that a caller understands, and may ask again. */
const UNDERSTOOD = new Set(['image_not_cached', 'storage_unavailable']);

let rig: Rig;
/** The archive of the one image that all of them are about, and what its registry says. */
let expected: Buffer;
let digest: Digest;
let byHand: Buffer;
let byHandId: Digest;
let tag: string;
before(async () => {
  rig = await startRig();
  tag = rig.image('team/changing:1');
  ({ digest } = rig.registry.push('team/changing:1', { layers: [Buffer.from('a layer')] }));
  const { ref } = rig.request(tag);
  const { image } = await fetchImage(rig.context, ref, AMD64);
  const contents = new Map(
    image.layers.map((layer) => [layer.digest, rig.registry.blobs.get(layer.digest) ?? assert.fail()]),
  );
  expected = assemble({ image, layout: planLayout(image), contents });
  const sample = await savedSample(['put there by hand']);
  byHandId = sample.imageId;
  byHand = await tarOf(podman(sample, [tag]));
});
after(() => rig.close());

const folder = (): string => `${registryFolder(rig.registry.host)}/team/changing/`;

/** The rig's context as another process has it: a storage client of its own. */
function asProcess(context: TestContext, interleaving: Interleaving, actor: string): TestContext {
  const { service, images, index } = context.storage;
  const pipeline = newPipeline(service.credential);
  const own = new BlobServiceClient(service.url, pipeline);
  // The policy stands behind the SDK's retries: each try is a call.
  const { pipeline: policies } = (
    own as unknown as { storageClientContext: { pipeline: { addPolicy: AddPolicy } } }
  ).storageClientContext;
  policies.addPolicy(interleaving.policyOf(actor), { afterPhase: 'Retry' });
  const storage: Storage = {
    service: own,
    images: own.getContainerClient(images.containerName),
    index: own.getContainerClient(index.containerName),
    sharedKey: context.storage.sharedKey,
  };
  return { ...context, storage, resolving: new Map() };
}

type AddPolicy = (policy: ReturnType<Interleaving['policyOf']>, options: { afterPhase: 'Retry' }) => void;

const work: Readonly<Record<Kind, (context: TestContext) => Promise<unknown>>> = {
  ensure: async (context) => {
    const state = await ensureImage(context, new RecordedRuns(), rig.request(tag));
    if (state.state === 'pending') await runActivities(context, `${tag}@${digest}`);
    return 'done';
  },
  lookup: (context) => lookupImage(context, new RecordedRuns(), rig.request(tag), 0),
  remove: (context) => removeImage(context, rig.request(tag)),
  prune: (context) => pruneImages(context, { now: LATER }),
  adopt: async (context) => {
    const blob = context.storage.images.getBlockBlobClient(`${folder()}${hexOf(byHandId)}.tar`);
    await blob.upload(byHand, byHand.length, { metadata: { owner: 'genomics' } });
    return lookupImage(context, new RecordedRuns(), rig.request(tag), 0);
  },
  reindex: (context) => reindexPage(context),
};

interface Outcome {
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly results: ReadonlyMap<string, PromiseSettledResult<unknown>>;
  readonly calls: readonly MadeCall[];
}

async function play(context: TestContext, seed: number): Promise<Outcome> {
  const random = seeded(seed);
  const pick = (): Kind => ACTORS[Math.floor(random() * ACTORS.length)] ?? 'ensure';
  const kinds = new Map(
    Array.from({ length: 3 + Math.floor(random() * 2) }, (_, at): [string, Kind] => [
      `${at}`,
      at === 0 ? 'ensure' : pick(),
    ]),
  );
  // Half of them begin with what is cached already.
  if (random() < 0.5) await runActivities(context, `${tag}@${digest}`);
  const interleaving = new Interleaving(random);
  const actors = new Map(
    [...kinds].map(
      ([actor, kind]) => [actor, () => work[kind](asProcess(context, interleaving, actor))] as const,
    ),
  );
  return { kinds, results: await interleaving.run(actors), calls: interleaving.calls };
}

/** The promises of docs/architecture.md, once all have ended. */
async function check(
  context: TestContext,
  { kinds, results, calls }: Outcome,
  isThorough: boolean,
): Promise<void> {
  const { storage } = context;
  for (const [actor, result] of results) {
    if (result.status === 'fulfilled') continue;
    const error: unknown = result.reason;
    const isUnderstood = error instanceof CacheError && UNDERSTOOD.has(error.code);
    assert.ok(
      isUnderstood,
      `${kinds.get(actor) ?? ''}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`,
    );
  }
  // What is there is whole, whoever put it there, and keeps what others wrote beside.
  const blobs: string[] = [];
  for await (const { name } of storage.images.listBlobsFlat({ prefix: folder() })) blobs.push(name);
  for (const blob of blobs) {
    const isOurs = blob.endsWith(`${hexOf(digest)}.tar`);
    const bytes = await storage.images.getBlobClient(blob).downloadToBuffer();
    assert.deepEqual(bytes, isOurs ? expected : byHand, blob);
    const image = (await readArchive(storage, blob)) ?? assert.fail(`${blob} is no archive`);
    assert.equal(image.manifestDigest, isOurs ? digest : byHandId);
    if (!isOurs) assert.equal(image.metadata.owner, 'genomics');
  }
  // Where nobody deleted, what was asked for is there.
  const did = new Set([...kinds.values()]);
  if (!did.has('remove') && !did.has('prune')) {
    assert.ok(
      blobs.some((blob) => blob.endsWith(`${hexOf(digest)}.tar`)),
      'what was ensured is not there',
    );
    const found = await lookupImage(context, new RecordedRuns(), rig.request(tag), 0);
    assert.ok(found.state === 'ready');
    assert.equal(found.cached.manifestDigest, digest);
  }
  checkDeletes(calls);
  if (!isThorough) return;
  // Whatever happened, nothing is stuck: it can be had, found by every name, and removed for good.
  const state = await ensureImage(context, new RecordedRuns(), rig.request(tag));
  if (state.state === 'pending') await runActivities(context, `${tag}@${digest}`);
  for (const name of [tag, `${tag}@${digest}`]) {
    const found = await lookupImage(context, new RecordedRuns(), rig.request(name), 0);
    assert.ok(found.state === 'ready', name);
    assert.equal(found.cached.manifestDigest, digest, name);
  }
  await removeImage(context, rig.request(`${tag}@${digest}`));
  await assert.rejects(lookupImage(context, new RecordedRuns(), rig.request(`${tag}@${digest}`), 0), {
    code: 'image_not_cached',
  });
}

/** A delete is of what was seen: whoever wrote since then wins. */
function checkDeletes(calls: readonly MadeCall[]): void {
  calls.forEach(({ actor, kind, path, status }, at) => {
    if (kind !== 'DELETE' || status !== 202 || !/^\/[^/]+\/[^/]+(?<!-index)\/.*\.tar$/.test(path)) return;
    const seen = calls.findLastIndex(
      (call, before) =>
        before < at &&
        call.actor === actor &&
        (call.kind === 'GET list' || (call.kind === 'HEAD' && call.path === path)),
    );
    const since = calls.slice(seen + 1, at).filter((call) => call.path === path && call.status < 300);
    const writes = since.filter(
      (call) => call.actor !== actor && /^PUT( metadata| blocklist)?$/.test(call.kind),
    );
    assert.deepEqual(writes, [], `${path} was deleted though it was written since it was seen`);
  });
}

describe('ensure, lookup, remove, prune, adopt and reindex of one image at once', () => {
  for (let from = FIRST; from < FIRST + COUNT; from += SUITE) {
    const to = Math.min(from + SUITE, FIRST + COUNT);
    it(`keeps the promises, with seeds ${from} to ${to - 1}`, async () => {
      const seeds = Array.from({ length: to - from }, (_, at) => from + at).values();
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (const seed of seeds) {
            const context = await rig.with({ LASTUSED_RESOLUTION_SECONDS: '0', PRUNE_AFTER_DAYS: '1' });
            try {
              await check(context, await play(context, seed), seed % THOROUGH === 0);
            } catch (error) {
              throw new Error(`SEED=${seed}: ${String(error)}`, { cause: error });
            } finally {
              const { images, index } = context.storage;
              await Promise.all([images.delete(), index.delete()]);
            }
          }
        }),
      );
    });
  }
});
