import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { sha256Of } from '../../src/image/digest.ts';
import { resolveImage } from '../../src/runs/resolveImage.ts';
import { readArchive } from '../../src/store/archive/archives.ts';
import { readRunPlan, writeRunPlan } from '../../src/store/archive/runPlans.ts';
import { stagedBytes } from '../../src/store/archive/staging.ts';
import { AMD64, ARM64 } from './support/loopbackRegistry.ts';
import {
  commit,
  copyAll,
  dropHints,
  resolve,
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

const layer = (size: number): Buffer => randomBytes(size);

describe('committing an archive', () => {
  it('is the same archive when every activity ran twice, and in two runs at once', async () => {
    const { image } = rig.push({ layers: [layer(30_000), layer(100)] });
    const runs = ['aaaaaaaa', 'aaaaaaaa', 'bbbbbbbb'];
    const resolved = await Promise.all(runs.map((run) => resolve(rig.context, image, { run })));
    const copied = await Promise.all(resolved.map((one) => copyAll(rig.context, one)));
    const [{ planned, totalBytes } = assert.fail()] = resolved;
    assert.equal(await stagedBytes(rig.context.storage, planned.blob, 'aaaaaaaa'), totalBytes);
    // Attempts are told apart: what the one that is not in the history staged is not committed.
    assert.notDeepEqual(copied[0], copied[1]);
    await Promise.all(
      [0, 2, 0].map((index) => commit(rig.context, resolved[index] ?? assert.fail(), copied[index] ?? [])),
    );
    assert.ok(
      (await storedArchive(rig.context, planned.blob)).equals(await expectedArchive(rig, rig.context, image)),
    );
  });

  it('is told of by the run that committed it, also after an execution that was cut off', async () => {
    const { storage } = rig.context;
    const { image } = rig.push({ layers: [layer(5000)] });
    const [first, other] = [await resolve(rig.context, image), await resolve(rig.context, image)];
    const copied = await copyAll(rig.context, first);
    const plan = await readRunPlan(storage, first.planned.blob, first.planned.run);
    const committed = await commit(rig.context, first, copied);
    assert.deepEqual(committed, {
      image: first.planned.image,
      manifestDigest: first.planned.image.split('@')[1],
      bytes: first.totalBytes,
    });
    // It came to its end: nobody needs to be told again.
    assert.equal(await commit(rig.context, first, copied), undefined);
    // It was cut off before it had deleted its plan.
    await writeRunPlan(storage, first.planned.blob, first.planned.run, plan ?? assert.fail());
    assert.deepEqual(await commit(rig.context, first, copied), committed);
    // Another run had nothing to do with it.
    assert.equal(await commit(rig.context, other, copied), undefined);
  });

  it('needs nothing and nobody the second time', async () => {
    const context = await rig.with({});
    const { image } = rig.push({ layers: [layer(5000)] });
    const resolved = await resolve(context, image);
    const copied = await copyAll(context, resolved);
    await commit(context, resolved, copied);
    await dropHints(context.storage);
    rig.outage();
    await commit(context, resolved, copied);
    assert.ok(await readArchive(context.storage, resolved.planned.blob));
  });

  it('says so where something else lies under the archive’s name, and leaves it alone', async () => {
    const { image } = rig.push({ layers: [layer(77)] });
    const resolved = await resolve(rig.context, image);
    const { blob } = resolved.planned;
    const foreign = rig.context.storage.images.getBlockBlobClient(blob);
    await foreign.upload('mine', 4);
    const copied = await copyAll(rig.context, resolved);
    await assert.rejects(commit(rig.context, resolved, copied), {
      code: 'storage_unavailable',
      retryable: false,
      message: new RegExp(blob),
    });
    assert.equal((await foreign.downloadToBuffer()).toString(), 'mine');
  });

  it('leaves metadata from which everything can be found again', async () => {
    const amd64 = { ...rig.registry.push(undefined, { layers: [layer(10)] }), platform: AMD64 };
    const arm64 = { ...rig.registry.push(undefined, { platform: ARM64 }), platform: ARM64 };
    const index = rig.registry.pushIndex('team/multi:1', [arm64, amd64]);
    const blob = await runActivities(rig.context, rig.image('team/multi:1'));
    const cached = (await readArchive(rig.context.storage, blob)) ?? assert.fail();
    assert.equal(cached.image, `${rig.image('team/multi:1')}@${index}`);
    assert.equal(cached.indexDigest, index);
    assert.equal(cached.manifestDigest, amd64.digest);
    assert.equal(cached.imageId, sha256Of(amd64.config));
    assert.equal(cached.runRef, `${rig.image('team/multi')}:${amd64.digest.replace(':', '-')}`);
    assert.match(cached.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(cached.lastUsed, cached.createdAt);

    // For the other platform it is another archive, of the same index.
    const other = await runActivities(rig.context, rig.image('team/multi:1'), 'linux/arm64');
    assert.notEqual(other, blob);
    assert.equal((await readArchive(rig.context.storage, other))?.manifestDigest, arm64.digest);
    // Once committed, a run has nothing to do.
    const input = { image: rig.image('team/multi:1'), platform: 'linux/amd64', run: 'aaaaaaaa' };
    assert.deepEqual(await resolveImage(rig.context, input), { cached: true, blob });
  });
});
