import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clientSettings } from '../support/clientSettings.ts';

describe('registryUrl', () => {
  for (const [registry, allowed, insecure, url] of [
    ['docker.io', [], [], 'https://registry-1.docker.io/'],
    ['docker.io', ['docker.io'], [], 'https://registry-1.docker.io/'],
    ['ghcr.io', ['*'], [], 'https://ghcr.io/'],
    ['ghcr.io:443', ['ghcr.io'], [], 'https://ghcr.io/'],
    ['x.azurecr.io', ['ghcr.io', '*.azurecr.io'], [], 'https://x.azurecr.io/'],
    ['localhost:5000', ['ghcr.io'], ['localhost:5000'], 'http://localhost:5000/'],
    ['localhost:5000', ['ghcr.io'], ['https://localhost:5000'], 'https://localhost:5000/'],
    ['localhost', [], ['localhost'], 'http://localhost/'],
    ['localhost:5001', [], ['localhost:5000', 'localhost'], 'https://localhost:5001/'],
    ['[::1]:5000', [], ['[::1]:5000'], 'http://[::1]:5000/'],
    ['registry.test', [], ['*.test'], 'http://registry.test/'],
  ] as const) {
    it(`${registry} with [${allowed.join()}] and [${insecure.join()}] is ${url}`, () => {
      assert.equal(clientSettings({ allowed, insecure }).egress.registryUrl(registry).href, url);
    });
  }
  it('refuses what is not allowed', () => {
    assert.throws(() => clientSettings({ allowed: ['ghcr.io'] }).egress.registryUrl('docker.io'), {
      code: 'registry_not_allowed',
    });
  });
});
