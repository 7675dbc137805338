import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type FakeRegistry, startFakeRegistry } from '../support/fakeRegistry.ts';
import { sampleImage } from '../support/samples.ts';

const image = sampleImage([1000]);

describe('Endpoint', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await startFakeRegistry(image);
  });
  afterEach(() => registry.close());

  it('tells the quota to the log', async () => {
    registry.misbehave = (_request, response) => {
      response.setHeader('ratelimit-limit', '100;w=21600');
      response.setHeader('ratelimit-remaining', '7;w=21600');
      return false;
    };
    await registry.client.getManifest(registry.ref());
    assert.deepEqual(
      registry.events.filter((event) => event.type === 'quota').map(({ quota }) => quota),
      [{ limit: 100, remaining: 7, windowSeconds: 21600 }],
    );
  });

  it("shows the registry's warnings once", async () => {
    registry.misbehave = (_request, response) => {
      response.setHeader('warning', '299 - "this image is end of life"');
      return false;
    };
    await registry.client.resolveManifest(registry.ref());
    await registry.client.getManifest(registry.ref());
    assert.deepEqual(
      registry.events.filter((event) => event.type === 'warning').map(({ text }) => text),
      ['this image is end of life'],
    );
  });
});
