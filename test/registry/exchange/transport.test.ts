import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startFakeRegistry } from '../support/fakeRegistry.ts';
import { sampleImage } from '../support/samples.ts';

describe('Transport', () => {
  it('gets no more than sixteen connections', { timeout: 30_000 }, async (t) => {
    const registry = await startFakeRegistry(sampleImage([1000]));
    t.after(() => registry.close());
    let open = 0;
    let most = 0;
    const full = Promise.withResolvers<undefined>();
    registry.misbehave = async () => {
      open += 1;
      most = Math.max(most, open);
      if (open === 16) full.resolve(undefined);
      await full.promise;
      open -= 1;
      return false;
    };
    await Promise.all(Array.from({ length: 60 }, () => registry.client.resolveManifest(registry.ref())));
    assert.equal(most, 16);
  });
});
