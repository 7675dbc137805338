import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { markUsed } from '../../src/catalog/markUsed.ts';
import { lookupImage } from '../../src/service/lookupImage.ts';
import { deleteArchive, readArchive } from '../../src/store/archive/archives.ts';
import { RecordedRuns, type Rig, setLastUsed, startRig } from '../runs/support/rig.ts';
import { storageCalls } from '../support/storageCalls.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());

const noRuns = new RecordedRuns();
const OLD = '2026-01-01T00:00:00Z';

const stampsIn = (calls: readonly string[]): number =>
  calls.filter((call) => call.startsWith('PUT metadata')).length;

describe('marking an image as used', () => {
  it('costs one write for 500 lookups at once, of which each has its answer', async () => {
    const tag = `${rig.repository()}:1`;
    const { blob } = await rig.cache(tag);
    const client = rig.context.storage.images.getBlobClient(blob);
    const { metadata } = await client.getProperties();
    await client.setMetadata({ ...metadata, owner: 'genomics', lastused: OLD });
    const before = new Date(Date.now() - 1000).toISOString();
    const calls = await storageCalls(rig.server.connectionString, async () => {
      const found = await Promise.all(
        Array.from({ length: 500 }, () => lookupImage(rig.context, noRuns, rig.request(rig.image(tag)), 0)),
      );
      assert.ok(found.every((one) => one.state === 'ready' && one.cached.lastUsed > before));
    });
    assert.equal(stampsIn(calls), 1);
    const { metadata: after } = await client.getProperties();
    assert.ok((after?.lastused ?? '') > before);
    assert.deepEqual({ ...after, lastused: '' }, { ...metadata, owner: 'genomics', lastused: '' });
    // Those of the next minute find it stamped.
    const more = await storageCalls(rig.server.connectionString, () =>
      lookupImage(rig.context, noRuns, rig.request(rig.image(tag)), 0),
    );
    assert.equal(stampsIn(more), 0);
  });

  it('loses nothing where several processes do it at once', async () => {
    const { blob } = await rig.cache(`${rig.repository()}:1`);
    await setLastUsed(rig.context, blob, OLD);
    const seen = (await readArchive(rig.context.storage, blob)) ?? assert.fail();
    const processes = Array.from({ length: 5 }, () => ({ ...rig.context.storage }));
    const now = new Date();
    const used = await Promise.all(
      processes.flatMap((storage) => Array.from({ length: 20 }, () => markUsed(storage, seen, 60, now))),
    );
    assert.ok(used.every((one) => one !== undefined && one.lastUsed > OLD));
    assert.ok(((await readArchive(rig.context.storage, blob))?.lastUsed ?? '') > OLD);
  });

  it('tells all who wait that the archive is gone, and stamps the one that comes after it', async () => {
    const tag = `${rig.repository()}:1`;
    const { blob } = await rig.cache(tag);
    await setLastUsed(rig.context, blob, OLD);
    const seen = (await readArchive(rig.context.storage, blob)) ?? assert.fail();
    await deleteArchive(rig.context.storage, seen);
    const mark = () => markUsed(rig.context.storage, seen, 60, new Date());
    assert.deepEqual(await Promise.all([mark(), mark(), mark()]), [undefined, undefined, undefined]);
    await rig.cache(tag);
    await setLastUsed(rig.context, blob, OLD);
    const again = (await readArchive(rig.context.storage, blob)) ?? assert.fail();
    assert.ok(((await markUsed(rig.context.storage, again, 60, new Date()))?.lastUsed ?? '') > OLD);
  });

  it('stamps every time where that is asked for', async () => {
    const { blob } = await rig.cache(`${rig.repository()}:1`);
    for (const time of ['2027-01-01T00:00:00Z', '2027-01-01T00:00:01Z']) {
      const seen = (await readArchive(rig.context.storage, blob)) ?? assert.fail();
      assert.equal((await markUsed(rig.context.storage, seen, 0, new Date(time)))?.lastUsed, time);
    }
  });
});
