import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clientSettings } from '../support/clientSettings.ts';
import { startFakeRegistry } from '../support/fakeRegistry.ts';
import { sampleImage } from '../support/samples.ts';

const image = sampleImage([1000]);

describe('a registry that is not there', () => {
  it('is named with the reason', async (t) => {
    const registry = await startFakeRegistry(image, {
      lookup: (host) => Promise.reject(Object.assign(new Error(host), { code: 'ENOTFOUND' })),
    });
    const ref = { registry: 'no-such-host.example', repository: 'a/b', tag: '1' };
    await assert.rejects(registry.client.resolveManifest(ref), {
      code: 'registry_unavailable',
      retryable: false,
      message: /no-such-host\.example could not be used for .*: no such host/,
    });
    const gone = registry.ref();
    await registry.close();
    const again = await startFakeRegistry(image, clientSettings({ insecure: [gone.registry] }));
    t.after(() => again.close());
    await assert.rejects(again.client.resolveManifest(gone), {
      code: 'registry_unavailable',
      retryable: true,
      message: /refused/,
    });
  });
  it('is told apart from one that does not speak TLS', async (t) => {
    const registry = await startFakeRegistry(image);
    t.after(() => registry.close());
    registry.misbehave = (_request, response) => {
      response.writeHead(307, { location: `https://${registry.host}/` }).end();
      return true;
    };
    await assert.rejects(registry.client.resolveManifest(registry.ref()), {
      code: 'registry_unavailable',
      retryable: false,
      message: /INSECURE_REGISTRIES/,
    });
  });
});
