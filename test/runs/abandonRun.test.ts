import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { abandonRun } from '../../src/runs/abandonRun.ts';
import { readArchive } from '../../src/store/archive/archives.ts';
import { readRunPlan } from '../../src/store/archive/runPlans.ts';
import { stagedBytes } from '../../src/store/archive/staging.ts';
import { commit, copyAll, resolve, type Rig, startRig } from './support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());

describe('abandoning a run', () => {
  it('leaves no staged block, no plan and no blob behind, and can run twice', async () => {
    const { storage } = rig.context;
    const { image } = rig.push({ layers: [randomBytes(30_000)] });
    const resolved = await resolve(rig.context, image);
    const { planned } = resolved;
    await copyAll(rig.context, resolved);
    assert.ok((await stagedBytes(storage, planned.blob, planned.run)) > 30_000);
    for (let times = 0; times < 2; times++) {
      await abandonRun(rig.context, { planned });
      assert.equal(await stagedBytes(storage, planned.blob, planned.run), 0);
      assert.equal(await readRunPlan(storage, planned.blob, planned.run), undefined);
      assert.equal(await storage.images.getBlobClient(planned.blob).exists(), false);
    }
    // And the image can be had all the same.
    const again = await resolve(rig.context, image);
    await commit(rig.context, again, await copyAll(rig.context, again));
    assert.ok(await readArchive(storage, planned.blob));
  });

  it('takes nothing from another run for the same archive, nor from the archive', async () => {
    const { storage } = rig.context;
    const { image } = rig.push({ layers: [randomBytes(30_000)] });
    const [failing, other] = [await resolve(rig.context, image), await resolve(rig.context, image)];
    const copied = await copyAll(rig.context, other);
    await abandonRun(rig.context, failing);
    await commit(rig.context, other, copied);
    await abandonRun(rig.context, failing);
    assert.ok(await readArchive(storage, other.planned.blob));
  });

  it('does not keep another run from committing, when it ends in the middle', async () => {
    const { storage } = rig.context;
    const { image } = rig.push({ layers: [randomBytes(30_000)] });
    const resolved = await resolve(rig.context, image);
    const { blob } = resolved.planned;
    // What the first half of it leaves: an empty blob of its own.
    await storage.images.getBlockBlobClient(blob).upload('', 0, { metadata: { abandoned: 'true' } });
    assert.equal(await readArchive(storage, blob), undefined);
    await commit(rig.context, resolved, await copyAll(rig.context, resolved));
    assert.ok(await readArchive(storage, blob), 'nothing was committed');
  });

  it('clears away what it left when it was lost in the middle', async () => {
    const { storage } = rig.context;
    const { image } = rig.push({ layers: [randomBytes(300)] });
    const { planned } = await resolve(rig.context, image);
    const client = storage.images.getBlockBlobClient(planned.blob);
    await client.upload('', 0, { metadata: { abandoned: 'true' } });
    await abandonRun(rig.context, { planned });
    assert.equal(await client.exists(), false);
  });
});
