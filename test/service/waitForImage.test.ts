import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { runId } from '../../src/runs/messages.ts';
import { lookupImage } from '../../src/service/lookupImage.ts';
import { AMD64 } from '../runs/support/loopbackRegistry.ts';
import { RecordedRuns, type Rig, runActivities, startRig } from '../runs/support/rig.ts';
import { storageCalls } from '../support/storageCalls.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());

describe('callers that wait for one image', () => {
  it('share one poll, and all hear of it when it is there', async () => {
    const tag = `${rig.repository()}:1`;
    const { digest } = rig.registry.push(tag);
    const image = `${rig.image(tag.replace(':1', ''))}@${digest}`;
    const request = rig.request(image);
    const runs = new RecordedRuns();
    runs.states.set(runId(request.ref, AMD64), { state: 'pending' });
    const calls = (callers: number, seconds: number): Promise<readonly string[]> =>
      storageCalls(rig.server.connectionString, () =>
        Promise.all(Array.from({ length: callers }, () => lookupImage(rig.context, runs, request, seconds))),
      );
    const { length: once } = await calls(1, 0);
    const { length: all } = await calls(20, 2);
    // Each looks once for itself. After that they ask together, in two seconds twice at most.
    assert.ok(all > 20 * once, 'nobody polled');
    assert.ok(all <= 20 * once + 2 * once, `${all} calls`);

    const waiting = Promise.all(
      [20, 20, 20].map((seconds) => lookupImage(rig.context, runs, request, seconds)),
    );
    await runActivities(rig.context, image);
    for (const found of await waiting) assert.equal(found.state, 'ready');
  });
});
