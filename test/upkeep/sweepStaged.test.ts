import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, it } from 'node:test';
import { readArchive } from '../../src/store/archive/archives.ts';
import { RUN_PLANS } from '../../src/store/archive/runPlans.ts';
import { stagedBytes } from '../../src/store/archive/staging.ts';
import { sweepStaged } from '../../src/upkeep/sweepStaged.ts';
import { commit, copyAll, resolve, type Rig, startRig } from '../runs/support/rig.ts';

const HOUR_MS = 3600 * 1000;

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());

it('staged blocks go a day after their run made its plan, those of running ones and archives do not', async () => {
  const context = await rig.with({ MAX_WAIT_HOURS: '2' });
  const { storage } = context;
  const left = rig.push({ layers: [randomBytes(9000)] });
  const { planned, stretches } = await resolve(context, left.image, { run: 'aaaaaaaa' });
  await copyAll(context, { planned, stretches });
  const done = await resolve(context, rig.push({ layers: [randomBytes(100)] }).image);
  await commit(context, done, await copyAll(context, done));
  const foreign = storage.images.getBlockBlobClient('foreign.bin');
  await foreign.stageBlock(Buffer.from('foreign').toString('base64'), 'x', 1);
  await storage.images.getBlockBlobClient('empty.bin').upload('', 0);

  const staged = await stagedBytes(storage, planned.blob, 'aaaaaaaa');
  assert.ok(staged > 9000);
  await sweepStaged(context, new Date(Date.now() + 25 * HOUR_MS));
  assert.equal(await stagedBytes(storage, planned.blob, 'aaaaaaaa'), staged);
  await sweepStaged(context, new Date(Date.now() + 27 * HOUR_MS));
  assert.equal(await stagedBytes(storage, planned.blob, 'aaaaaaaa'), 0);
  const names: string[] = [];
  for await (const { name } of storage.images.listBlobsFlat({ includeUncommitedBlobs: true }))
    if (!name.startsWith(RUN_PLANS)) names.push(name);
  assert.deepEqual(names.sort(), [done.planned.blob, 'empty.bin', 'foreign.bin'].sort());
  assert.ok(await readArchive(storage, done.planned.blob));
});
