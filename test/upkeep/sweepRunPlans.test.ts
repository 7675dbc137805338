import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { readRunPlan, RUN_PLANS, writeRunPlan } from '../../src/store/archive/runPlans.ts';
import { sweepRunPlans } from '../../src/upkeep/sweepRunPlans.ts';
import { type Rig, startRig } from '../runs/support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());

it('plans go a week and a day after they were made, and nothing else does', async () => {
  const { storage } = rig.context;
  await writeRunPlan(storage, 'team/plan.tar', 'aaaaaaaa', { a: 1 });
  await storage.images.getBlockBlobClient('team/plan.tar').upload('x', 1);
  const { lastModified = new Date() } = await storage.images
    .getBlobClient(`${RUN_PLANS}team/plan.tar/aaaaaaaa.json`)
    .getProperties();
  const after = (days: number): Date => new Date(lastModified.getTime() + days * 24 * 3600 * 1000);
  await sweepRunPlans(rig.context, after(7));
  assert.deepEqual(await readRunPlan(storage, 'team/plan.tar', 'aaaaaaaa'), { a: 1 });
  await sweepRunPlans(rig.context, after(9));
  assert.equal(await readRunPlan(storage, 'team/plan.tar', 'aaaaaaaa'), undefined);
  assert.equal(await storage.images.getBlobClient('team/plan.tar').exists(), true);
});
