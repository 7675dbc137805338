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

describe('rulesFor', () => {
  const url = (text: string): URL => new URL(text);
  for (const [what, insecure, registry, hop, isNamed] of [
    ['a host of its own', ['a:1'], 'http://a:1/', 'http://a:1/v2/', true],
    ['a host that is joined to it', ['a:1+b:2'], 'http://a:1/', 'http://b:2/x', true],
    ['the same the other way round', ['a:1+b:2'], 'http://b:2/', 'http://a:1/x', true],
    ['another named host', ['a:1', 'b:2'], 'http://a:1/', 'http://b:2/x', false],
    ['one that is joined to a third', ['a:1', 'b:2+c:3'], 'http://a:1/', 'http://b:2/x', false],
    ['another of one wildcard', ['*.corp'], 'http://a.corp/', 'http://b.corp/x', false],
    ['a pull of another named host', ['a:1', 'b:2'], 'http://a:1/', 'http://b:2/v2/x/y/manifests/1', true],
    ['a pull with a query', ['a:1', 'b:2'], 'http://a:1/', 'http://b:2/v2/x/manifests/1?u=2', false],
    ['a way out of a pull', ['a:1', 'b:2'], 'http://a:1/', 'http://b:2/v2/x/manifests/..%2f..%2fy', false],
    ['a host that nobody named', ['a:1'], 'http://a:1/', 'https://storage.example/x', false],
  ] as const) {
    it(`${what}: ${isNamed ? 'as the operator named it' : 'as anybody'}`, () => {
      const { egress } = clientSettings({ insecure, apart: true });
      const rules = egress.rulesFor(url(registry), url(hop), false);
      assert.equal(rules, isNamed ? egress.named : egress.anyone);
    });
  }
  for (const [registry, hop, isForeign, isNamed] of [
    ['https://me.azurecr.io/', 'https://x.blob.core.windows.net/a', false, true],
    ['https://me.azurecr.io/', 'https://me.westeurope.data.azurecr.io/a', false, true],
    ['https://me.azurecr.io/', 'https://other.azurecr.io/a', false, false],
    ['https://me.azurecr.io/', 'https://x.blob.core.windows.net/a', true, false],
    ['https://me.azurecr.cn/', 'https://x.blob.core.windows.net/a', false, false],
    ['https://ghcr.io/', 'https://x.blob.core.windows.net/a', false, false],
    ['https://x.blob.core.windows.net/', 'https://x.blob.core.windows.net/v2/', false, false],
  ] as const) {
    const who = isForeign ? 'an image at' : 'the registry';
    it(`${who} ${registry} ${isNamed ? 'may' : 'may not'} lead to the private endpoint of ${hop}`, () => {
      const { egress } = clientSettings({});
      const rules = egress.rulesFor(url(registry), url(hop), isForeign);
      assert.equal(rules.refusalOfAddress(url(hop), '10.0.0.4') === undefined, isNamed);
    });
  }
});
