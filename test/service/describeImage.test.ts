import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { CacheError } from '../../src/errors.ts';
import { runId } from '../../src/runs/messages.ts';
import { describeImage } from '../../src/service/describeImage.ts';
import { AMD64 } from '../runs/support/loopbackRegistry.ts';
import { RecordedRuns, type Rig, runActivities, startRig } from '../runs/support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
});

describe('describing an image', () => {
  it('tells what its run is about, with bytes counted where they lie', async () => {
    const tag = `${rig.repository()}:1`;
    const { digest } = rig.registry.push(tag);
    const request = rig.request(`${rig.image(tag)}@${digest}`);
    const runs = new RecordedRuns();
    const id = runId(request.ref, AMD64);
    assert.equal((await describeImage(rig.context, runs, request)).state, 'absent');

    const blob = `progress/${tag}.tar`;
    const progress = { phase: 'copying', run: 'aaaaaaaa', blob, totalBytes: 100 } as const;
    runs.states.set(id, { state: 'pending', progress });
    const block = Buffer.from('00000.aaaaaaaa.11111111').toString('base64');
    await rig.context.storage.images.getBlockBlobClient(blob).stageBlock(block, 'x'.repeat(42), 42);
    assert.deepEqual(await describeImage(rig.context, runs, request), {
      state: 'pending',
      progress,
      stagedBytes: 42,
    });

    const error = new CacheError('digest_mismatch', 'Layer 1 is corrupt.').toFailure();
    runs.states.set(id, { state: 'failed', error });
    assert.deepEqual(await describeImage(rig.context, runs, request), { state: 'failed', error });

    // It ran well, and was deleted since.
    runs.states.set(id, { state: 'succeeded' });
    assert.equal((await describeImage(rig.context, runs, request)).state, 'absent');
  });
});

describe('describing an image whose tag is asked for again', () => {
  it('shows the run that is under way, not the one that ended before', async () => {
    const tag = `${rig.repository()}:1`;
    const { digest, blob } = await rig.cache(tag);
    const request = rig.request(rig.image(tag));
    await rig.context.storage.images.deleteBlob(blob);
    const runs = new RecordedRuns();
    const error = new CacheError('registry_denied', 'It was so yesterday.').toFailure();
    for (const ended of [{ state: 'failed', error }, { state: 'succeeded' }] as const) {
      runs.states.clear();
      runs.states.set(runId({ ...request.ref, digest }, AMD64), ended);
      const without = ended.state === 'failed' ? ended : { state: 'absent' };
      assert.deepEqual(await describeImage(rig.context, runs, request), without);
      // The registry did not answer, so the run is the tag's own.
      runs.states.set(runId(request.ref, AMD64), { state: 'pending' });
      assert.deepEqual(await describeImage(rig.context, runs, request), { state: 'pending' });
    }
  });
});

describe('describing an image that is committed this very moment', () => {
  it('never goes back to nothing staged', async () => {
    const tag = `${rig.repository()}:1`;
    const { digest } = rig.registry.push(tag);
    const image = `${rig.image(tag)}@${digest}`;
    // Between the look for the archive and the count of its blocks, which a commit takes away.
    const status = async () => {
      const blob = await runActivities(rig.context, image);
      const progress = { phase: 'committing', run: 'aaaaaaaa', blob, totalBytes: 100 } as const;
      return { state: 'pending', progress } as const;
    };
    const runs = { start: () => Promise.resolve(), status };
    assert.equal((await describeImage(rig.context, runs, rig.request(image))).state, 'ready');
  });
});
