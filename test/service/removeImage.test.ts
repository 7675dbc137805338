import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { describeImage } from '../../src/service/describeImage.ts';
import { removeImage } from '../../src/service/removeImage.ts';
import { readArchive } from '../../src/store/archive/archives.ts';
import { RecordedRuns, type Rig, runActivities, startRig } from '../runs/support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
});

const noRuns = new RecordedRuns();

describe('removing an image', () => {
  it('deletes its archive, once', async () => {
    const tag = `${rig.repository()}:1`;
    const { blob } = await rig.cache(tag);
    const request = rig.request(rig.image(tag));
    await removeImage(rig.context, request);
    assert.equal(await readArchive(rig.context.storage, blob), undefined);
    await assert.rejects(removeImage(rig.context, request), { code: 'image_not_cached' });
    // And it can come back.
    await runActivities(rig.context, rig.image(tag));
    assert.equal((await describeImage(rig.context, noRuns, request)).state, 'ready');
  });
});
