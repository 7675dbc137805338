import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { planLayout } from '../../src/archive/layout.ts';
import { sha256Of } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { PlannedRun } from '../../src/runs/messages.ts';
import { keepPlan, makePlan, openPlan } from '../../src/runs/runPlan.ts';
import { writeRunPlan } from '../../src/store/archive/runPlans.ts';
import { sha512Of, wholeSample } from '../archive/support/samples.ts';
import { AMD64 } from './support/loopbackRegistry.ts';
import { resolve, type Rig, startRig } from './support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());

describe('a plan', () => {
  for (const [algorithm, digestOf] of [
    ['sha256', sha256Of],
    ['sha512', sha512Of],
  ] as const) {
    it(`comes back as it was kept, with all that a descriptor can carry, by ${algorithm}`, async () => {
      const { image } = wholeSample([Buffer.from('one'), Buffer.from('two'), Buffer.from('one')], digestOf);
      const [first, ...others] = image.layers;
      assert.ok(first);
      const layers = [{ ...first, data: Buffer.from('one'), urls: ['https://example.com/layer'] }, ...others];
      const fetched = { image: { ...image, layers }, platform: AMD64, indexDigest: sha256Of('index') };
      const ref = parseReference(`team/whole:1@${sha256Of('index')}`);
      const plan = makePlan(ref, fetched, planLayout(fetched.image));
      const planned: PlannedRun = {
        run: 'aaaaaaaa',
        image: `docker.io/team/whole:1@${sha256Of('index')}`,
        platform: 'linux/amd64',
        blob: `team/whole/${algorithm}.tar`,
        blockBytes: 4096,
      };
      await keepPlan(rig.context, planned, plan);
      const { head, ...geometry } = planLayout(fetched.image);
      assert.equal(head.length, geometry.headSize);
      assert.deepEqual(await openPlan(rig.context, planned), { ...plan, geometry });
    });
  }

  for (const [what, spoil] of [
    ['garbage', { a: 1 }],
    ['of a version to come', { version: 2, layout: '1' }],
    ['of another layout', { version: 1, layout: '0' }],
    ['no object', []],
  ] as const) {
    it(`is made again, and is the same, where what is kept is ${what}`, async () => {
      const tag = `${rig.repository()}:1`;
      rig.registry.push(tag, { layers: [Buffer.from(tag)] });
      const { planned } = await resolve(rig.context, rig.image(tag));
      const kept = await openPlan(rig.context, planned);
      await writeRunPlan(rig.context.storage, planned.blob, planned.run, spoil);
      const made = await openPlan(rig.context, planned);
      assert.deepEqual([made.identity, made.source, made.layers], [kept.identity, kept.source, kept.layers]);
      assert.equal(made.geometry.size, kept.geometry.size);
      // And kept again.
      assert.deepEqual(await openPlan(rig.context, planned), kept);
    });
  }
});
