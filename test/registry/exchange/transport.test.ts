import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startFakeRegistry } from '../support/fakeRegistry.ts';
import { sampleImage } from '../support/samples.ts';

describe('Transport', () => {
  it('gives a host no more requests than it has connections for', { timeout: 30_000 }, async (t) => {
    const registry = await startFakeRegistry(sampleImage([1000]));
    t.after(() => registry.close());
    let open = 0;
    let most = 0;
    const full = Promise.withResolvers<undefined>();
    // Each answer shows that the host answers, and allows one request more.
    for (let warm = 0; warm < 2; warm++) await registry.client.resolveManifest(registry.ref());
    registry.misbehave = async () => {
      open += 1;
      most = Math.max(most, open);
      if (open === 6) full.resolve(undefined);
      await full.promise;
      open -= 1;
      return false;
    };
    await Promise.all(Array.from({ length: 60 }, () => registry.client.resolveManifest(registry.ref())));
    assert.equal(most, 6);
  });
});
