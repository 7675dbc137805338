import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { failing, type FakeRegistry, startFakeRegistry } from '../support/fakeRegistry.ts';
import { sampleImage } from '../support/samples.ts';

const image = sampleImage([1000]);

describe('answerError', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await startFakeRegistry(image);
  });
  afterEach(() => registry.close());

  it("does not burn tries on Docker Hub's spent quota, and says what is left", async () => {
    failing(
      registry,
      9,
      429,
      { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' },
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}',
    );
    await assert.rejects(registry.client.getManifest(registry.ref()), {
      code: 'registry_throttled',
      retryAfterSeconds: 900,
      message: /pull rate limit.*0 of 100 pulls left in 6 h.*DOCKER_AUTH_CONFIG/,
    });
    assert.equal(registry.seen.length, 1);
  });

  it('knows a spent quota by its words where there are no headers', async () => {
    const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"you have reached your pull rate limit"}]}';
    failing(registry, 9, 429, {}, body);
    await assert.rejects(registry.client.getManifest(registry.ref()), { retryAfterSeconds: 900 });
    assert.equal(registry.seen.length, 1);
  });

  it('quotes what the registry says, and no page that is meant for browsers', async () => {
    failing(registry, 1, 404, {}, '{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository"}]}');
    await assert.rejects(registry.client.getManifest(registry.ref()), {
      code: 'image_not_found',
      message: /It says: "NAME_UNKNOWN: no such repository"\. Check the name and the tag\.$/,
    });
    failing(registry, 1, 418, {}, '<html>teapot</html>');
    await assert.rejects(registry.client.getManifest(registry.ref()), {
      code: 'registry_denied',
      message: /refused .* \(418\)\. Ask the registry's operator\.$/,
    });
  });
});
