import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { CacheError } from '../../../src/errors.ts';
import { transientReason } from '../../../src/registry/exchange/retry.ts';
import { failing, type FakeRegistry, startFakeRegistry } from '../support/fakeRegistry.ts';
import { sampleImage } from '../support/samples.ts';

const image = sampleImage([1000]);

describe('a registry that limits or fails', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await startFakeRegistry(image);
  });
  afterEach(() => registry.close());

  async function rejection(attempt: Promise<unknown>): Promise<CacheError> {
    const error = await attempt.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof CacheError, String(error));
    return error;
  }

  for (const status of [408, 425, 429, 499, 500, 502, 503, 504, 520, 522, 524]) {
    it(`is asked again after ${status}`, async () => {
      assert.ok(transientReason(status) !== undefined);
      failing(registry, 2, status);
      await registry.client.getManifest(registry.ref());
      assert.equal(registry.seen.length, 3);
      assert.equal(registry.events.filter(({ type }) => type === 'retry').length, 2);
    });
  }
  for (const [status, code] of [
    [400, 'registry_denied'],
    [403, 'registry_denied'],
    [404, 'image_not_found'],
    [410, 'image_not_found'],
    [412, 'registry_denied'],
    [418, 'registry_denied'],
    [451, 'registry_denied'],
  ] as const) {
    it(`is not asked again after ${status}`, async () => {
      failing(registry, 9, status);
      const error = await rejection(registry.client.getManifest(registry.ref()));
      assert.equal(error.code, code);
      assert.equal(error.retryable, false);
      // The root is asked whether signing in would help.
      assert.equal(registry.seen.filter(({ url }) => url !== '/v2/').length, 1);
    });
  }

  it('is left alone for as long as it asks, if that is short', async () => {
    failing(registry, 1, 503, { 'retry-after': '0.2' });
    await registry.client.getManifest(registry.ref());
    const [retry] = registry.events.filter((event) => event.type === 'retry');
    assert.equal(retry?.waitMs, 200);
  });

  for (const [form, header] of [
    ['in seconds', (): string => '45'],
    ['as a date', (): string => new Date(Date.now() + 45_000).toUTCString()],
    ['in Unix time', (): string => String(Math.round(Date.now() / 1000) + 45)],
  ] as const) {
    it(`leaves a long wait, ${form}, to the caller`, async () => {
      failing(registry, 9, 429, { 'retry-after': header() });
      const error = await rejection(registry.client.getManifest(registry.ref()));
      assert.equal(error.code, 'registry_throttled');
      assert.equal(error.retryable, true);
      const seconds = error.retryAfterSeconds ?? 0;
      assert.ok(seconds > 40 && seconds <= 46, String(seconds));
      assert.equal(registry.seen.length, 1);
      // Whoever else wants something from this host is told without asking it.
      const other = await rejection(registry.client.resolveManifest(registry.ref('other/image')));
      assert.equal(other.code, 'registry_throttled');
      assert.equal(registry.seen.length, 1);
    });
  }

  it('names a minute where a throttling registry names nothing', async () => {
    failing(registry, 9, 429);
    const error = await rejection(registry.client.getManifest(registry.ref()));
    assert.equal(error.code, 'registry_throttled');
    assert.equal(error.retryAfterSeconds, 60);
    assert.equal(registry.seen.length, 4, 'after its own short tries');
  });
});
