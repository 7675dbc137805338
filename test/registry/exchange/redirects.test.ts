import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { RegistryClient } from '../../../src/registry/client.ts';
import { clientSettings } from '../support/clientSettings.ts';
import { failing, type FakeRegistry, QUICK, startFakeRegistry } from '../support/fakeRegistry.ts';
import { sampleImage } from '../support/samples.ts';
import { redirect } from '../support/server.ts';

const image = sampleImage([1000]);

describe('redirects', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await startFakeRegistry(image);
  });
  afterEach(() => registry.close());

  it('within the registry keep its Authorization', async (t) => {
    const authorization = `Basic ${Buffer.from('alice:pw').toString('base64')}`;
    const { host } = registry;
    const auths = { [host]: { username: 'alice', password: 'pw' } };
    const client = new RegistryClient({ ...clientSettings({ insecure: [host], auths }), timing: QUICK });
    t.after(() => client.close());
    registry.misbehave = (request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        return true;
      }
      if (!request.url.startsWith('/v2/team/')) return false;
      redirect(response, request.url.replace('/v2/team/', '/v2/moved/'));
      return true;
    };
    assert.equal((await client.getManifest(registry.ref())).digest, image.manifestDigest);
    assert.deepEqual(
      registry.seen.map(({ url, headers }) => [url, headers.authorization]),
      [
        ['/v2/team/sample/manifests/1', undefined],
        ['/v2/team/sample/manifests/1', authorization],
        ['/v2/moved/sample/manifests/1', authorization],
      ],
    );
  });

  it('are followed ten times', async () => {
    registry.misbehave = (request, response) => {
      redirect(response, `${request.url}x`);
      return true;
    };
    await assert.rejects(registry.client.getManifest(registry.ref()), {
      code: 'registry_unavailable',
      retryable: false,
      message: /redirected more than 10 times/,
    });
    assert.equal(registry.seen.length, 11);
  });

  it('in a circle are followed once around', async () => {
    registry.misbehave = (request, response) => {
      redirect(response, request.url.endsWith('/1') ? '/somewhere' : '/v2/team/sample/manifests/1');
      return true;
    };
    await assert.rejects(registry.client.getManifest(registry.ref()), {
      code: 'registry_unavailable',
      retryable: false,
      message: /redirects in a circle/,
    });
    assert.equal(registry.seen.length, 2);
  });

  for (const [what, headers] of [
    ['nowhere', {}],
    ['to what is no address', { location: 'http://[' }],
  ] as const) {
    it(`that lead ${what} are a fault that stays`, async () => {
      failing(registry, 9, 307, headers);
      await assert.rejects(registry.client.getManifest(registry.ref()), {
        retryable: false,
        message: /it answered 307 without saying where to/,
      });
      assert.equal(registry.seen.length, 1);
    });
  }
});
