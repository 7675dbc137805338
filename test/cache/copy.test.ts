import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { planLayout } from '../../src/archive/layout.ts';
import { fetchImage } from '../../src/runs/fetchImage.ts';
import { commitArchive } from '../../src/runs/commitArchive.ts';
import type { CacheContext } from '../../src/context.ts';
import { copyBlocks } from '../../src/runs/copyBlocks.ts';
import { resolveImage } from '../../src/runs/planImage.ts';
import { CacheError } from '../../src/errors.ts';
import { type Digest, sha256Of } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { readArchive } from '../../src/store/archive/archives.ts';
import { stagedBytes } from '../../src/store/archive/staging.ts';
import { sendBytes } from '../registry/support/server.ts';
import { assemble, sha512Of } from '../archive/support/samples.ts';
import { AMD64, ARM64, type ImageSpec } from './support/registry.ts';
import { copyAll, type Rig, runActivities, SMALL, startRig } from './support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
  rig.registry.redirects = false;
});

let repositories = 0;
/** A repository of its own for each test, with one image in it. */
function push(spec: ImageSpec): { image: string; layers: readonly { digest: Digest }[] } {
  const tag = `team/image${repositories++}:1`;
  const { layers } = rig.registry.push(tag, spec);
  return { image: rig.image(tag), layers };
}

/** The archive as its layout and the layers' bytes say that it has to be. */
async function expected(context: CacheContext, image: string): Promise<Buffer> {
  const resolved = await fetchImage(context, parseReference(image), AMD64);
  const contents = new Map<Digest, Uint8Array>(
    resolved.layers.map(({ digest }) => [digest, rig.registry.blobs.get(digest) ?? assert.fail()]),
  );
  return assemble({ image: resolved, layout: planLayout(resolved), contents });
}

const stored = ({ storage }: CacheContext, blob: string): Promise<Buffer> =>
  storage.images.getBlobClient(blob).downloadToBuffer();

const layer = (size: number): Buffer => randomBytes(size);

describe('copying an image', () => {
  const one = layer(9000);
  const shapes: Readonly<Record<string, ImageSpec>> = {
    'no layers': { layers: [] },
    'small layers that share a task': { layers: [layer(100), layer(3000), layer(5000), layer(511)] },
    'layers that end where a block does': { layers: [layer(4096 - 512), layer(8192 - 512), layer(4096)] },
    'a layer in many segments': { layers: [layer(10), layer(150_001), layer(20)] },
    'two layers in many segments at once': { layers: [layer(60_000), layer(70_000)] },
    'empty layers': { layers: [Buffer.alloc(0), layer(10), Buffer.alloc(1024)] },
    'a layer that occurs again': { layers: [one, layer(10), one, one] },
    'layers by sha512, one in segments': { layers: [layer(40_000), layer(10)], digestOf: sha512Of },
  };
  for (const redirects of [false, true]) {
    describe(redirects ? 'from a storage that takes ranges' : 'in one stream', () => {
      for (const [shape, spec] of Object.entries(shapes)) {
        it(`with ${shape} makes its archive byte for byte`, async () => {
          rig.registry.redirects = redirects;
          const { image } = push(spec);
          const plan = await runActivities(rig.context, image);
          const archive = await stored(rig.context, plan.blob);
          assert.equal(archive.length, plan.totalBytes);
          assert.ok(archive.equals(await expected(rig.context, image)), 'other bytes');
        });
      }
    });
  }

  it('with a layer in segments carries the state of its hash from one to the next', async () => {
    const { image } = push({ layers: [layer(50_000)] });
    const plan = await resolveImage(rig.context, { image, platform: 'linux/amd64' }, SMALL);
    const lane =
      plan.lanes.find((segments) => segments.length > 1) ?? assert.fail('one activity does it all');
    assert.ok(lane.length >= 4);
    const [first, second, ...rest] = await copyAll(rig.context, { ...plan, lanes: [lane] }, 'aaaaaaaa');
    assert.match(first?.hashState ?? '', /^[A-Za-z0-9+/=]{100,300}$/);
    assert.notEqual(first?.hashState, second?.hashState);
    assert.equal(rest.at(-1)?.hashState, undefined);

    // The last segment with the state of another one proves nothing.
    const input = { plan, run: 'aaaaaaaa', ...(lane.at(-1) ?? assert.fail()) };
    const state = first?.hashState ?? '';
    await assert.rejects(copyBlocks(rig.context, { ...input, hashState: state }), {
      code: 'digest_mismatch',
    });
    await assert.rejects(copyBlocks(rig.context, input), { code: 'digest_mismatch' });
  });

  it('is the same archive when every activity ran twice, and in two runs at once', async () => {
    const { image } = push({ layers: [layer(30_000), layer(100)] });
    const plan = await resolveImage(rig.context, { image, platform: 'linux/amd64' }, SMALL);
    const runs = ['aaaaaaaa', 'aaaaaaaa', 'bbbbbbbb'];
    const segments = await Promise.all(runs.map((run) => copyAll(rig.context, plan, run)));
    assert.equal(await stagedBytes(rig.context.storage, plan.blob, 'aaaaaaaa'), plan.totalBytes);
    // Attempts are told apart: what the one that is not in the history staged is not committed.
    assert.notDeepEqual(segments[0], segments[1]);
    await Promise.all(
      [0, 2, 0].map((index) =>
        commitArchive(rig.context, { plan, run: runs[index] ?? '', segments: segments[index] ?? [] }),
      ),
    );
    assert.ok((await stored(rig.context, plan.blob)).equals(await expected(rig.context, image)));
  });

  it('says so where something else lies under the archive’s name, and leaves it alone', async () => {
    const { image } = push({ layers: [layer(77)] });
    const plan = await resolveImage(rig.context, { image, platform: 'linux/amd64' }, SMALL);
    const foreign = rig.context.storage.images.getBlockBlobClient(plan.blob);
    await foreign.upload('mine', 4);
    const segments = await copyAll(rig.context, plan, 'aaaaaaaa');
    await assert.rejects(commitArchive(rig.context, { plan, run: 'aaaaaaaa', segments }), {
      code: 'storage_unavailable',
      retryable: false,
      message: new RegExp(plan.blob),
    });
    assert.equal((await foreign.downloadToBuffer()).toString(), 'mine');
  });

  it('leaves metadata from which everything can be found again', async () => {
    const amd64 = { ...rig.registry.push(undefined, { layers: [layer(10)] }), platform: AMD64 };
    const arm64 = { ...rig.registry.push(undefined, { platform: ARM64 }), platform: ARM64 };
    const index = rig.registry.pushIndex('team/multi:1', [arm64, amd64]);
    const plan = await runActivities(rig.context, rig.image('team/multi:1'));
    const cached = (await readArchive(rig.context.storage, plan.blob)) ?? assert.fail();
    assert.equal(cached.image, `${rig.image('team/multi:1')}@${index}`);
    assert.equal(cached.indexDigest, index);
    assert.equal(cached.manifestDigest, amd64.digest);
    assert.equal(cached.imageId, sha256Of(amd64.config));
    assert.equal(cached.runRef, `${rig.image('team/multi')}:${amd64.digest.replace(':', '-')}`);
    assert.match(cached.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(cached.lastUsed, cached.createdAt);

    // For the other platform it is another archive, of the same index.
    const other = await runActivities(rig.context, rig.image('team/multi:1'), SMALL, 'linux/arm64');
    assert.equal(other.manifestDigest, arm64.digest);
    assert.notEqual(other.blob, plan.blob);
    // Once committed, a run has nothing to do.
    const again = await resolveImage(rig.context, {
      image: rig.image('team/multi:1'),
      platform: 'linux/amd64',
    });
    assert.deepEqual([again.cached, again.lanes], [true, []]);
  });

  it('pulls each document once, however many activities need it', async () => {
    const { image } = push({ layers: [layer(60_000)] });
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
    const { image, layers } = push({ layers: [layer(100), layer(size), layer(200)] });
    const digest = layers[1]?.digest ?? assert.fail();
    rig.registry.misbehave = (request, response) => {
      if (!request.url.endsWith(digest)) return false;
      sendBytes(request, response, change(Buffer.from(rig.registry.blobs.get(digest) ?? '')));
      return true;
    };
    return { image, digest };
  }

  async function assertRefused(image: string, digest: Digest, where: RegExp): Promise<void> {
    const plan = await resolveImage(rig.context, { image, platform: 'linux/amd64' }, SMALL);
    await assert.rejects(runActivities(rig.context, image), (error: unknown) => {
      assert.ok(error instanceof CacheError, String(error));
      assert.equal(error.code, 'digest_mismatch', error.message);
      assert.equal(error.retryable, false);
      assert.ok(error.message.includes(digest), error.message);
      assert.match(error.message, where);
      return true;
    });
    assert.equal(await readArchive(rig.context.storage, plan.blob), undefined);
    assert.equal(await rig.context.storage.images.getBlobClient(plan.blob).exists(), false);
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
    ['a byte in the first of many segments', 50_000, 7],
    ['a byte in the last of many segments', 50_000, 49_999],
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
    const { image, layers } = push({ layers: [bytes] });
    const digest = layers[0]?.digest ?? assert.fail();
    rig.registry.blobs.set(digest, bytes.subarray(0, 10));
    await assertRefused(image, digest, /10 bytes/);
  });
});

describe('resolving an image', () => {
  const resolve = (context: CacheContext, image: string, platform = 'linux/amd64') =>
    resolveImage(context, { image, platform });

  it('refuses one that is too large before a byte of a layer is pulled', async () => {
    const context = await rig.with({ MAX_IMAGE_BYTES: '20000' });
    const { image, layers } = push({ layers: [layer(12_000), layer(12_000)] });
    await assert.rejects(resolve(context, image), {
      code: 'image_too_large',
      message: /archive of 3\d{4} bytes; this service takes up to 20000 \(setting MAX_IMAGE_BYTES\)/,
    });
    const pulled = rig.registry.asked('GET', 'blobs');
    assert.ok(layers.every(({ digest }) => !pulled.includes(digest)));
  });

  it('refuses a platform that it is not for, whether it has an index or not', async () => {
    const { image } = push({ platform: ARM64 });
    await assert.rejects(resolve(rig.context, image), {
      code: 'unsupported_image',
      message: /does not run on linux\/amd64: it is for linux\/arm64/,
    });
    const arm64 = { ...rig.registry.push(undefined, { platform: ARM64 }), platform: ARM64 };
    rig.registry.pushIndex('team/arm:1', [arm64]);
    await assert.rejects(resolve(rig.context, rig.image('team/arm:1')), { code: 'unsupported_image' });
  });

  it('does not let one registry spoil a document for another with a wrong Content-Type', async () => {
    const context = await rig.with({});
    const { digest, manifest } = rig.registry.push('team/spoiled:1', { layers: [layer(10)] });
    const image = `${rig.image('team/spoiled')}@${digest}`;
    rig.registry.misbehave = (request, response) => {
      if (!request.url.includes('/manifests/')) return false;
      const type = 'application/vnd.docker.distribution.manifest.v1+json';
      sendBytes(request, response, manifest, { 'content-type': type });
      return true;
    };
    await assert.rejects(resolve(context, image), { code: 'unsupported_image' });
    rig.registry.misbehave = () => false;
    assert.equal((await resolve(context, image)).manifestDigest, digest);
  });
});
