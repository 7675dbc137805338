import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { CacheError } from '../../src/errors.ts';
import { sha256Of } from '../../src/image/digest.ts';
import type { ImageReference } from '../../src/image/reference.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import type { Lookup } from '../../src/registry/net/connector.ts';
import { clientSettings, type WrittenSettings } from './support/clientSettings.ts';
import { type ConnectionRecorder, recordConnections } from './support/connections.ts';
import { describeBlob, sampleImage } from './support/samples.ts';
import { redirect, serve, type TestServer } from './support/server.ts';

/** Addresses written as they are, and every spelling that a URL parser turns into them. PORT is the canary's. */
const LITERALS: readonly string[] = [
  '127.0.0.1:PORT',
  '127.1:PORT',
  '127.0.1.1:PORT',
  '2130706433:PORT',
  '0x7f000001:PORT',
  '0x7f.1:PORT',
  '0177.0.0.1:PORT',
  '017700000001:PORT',
  '127.0.0.1.:PORT',
  '0.0.0.0:PORT',
  '0:PORT',
  '[::1]:PORT',
  '[0:0:0:0:0:0:0:1]:PORT',
  '[::]:PORT',
  '[::ffff:7f00:1]:PORT',
  '[::7f00:1]:PORT',
  '[64:ff9b::7f00:1]:PORT',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]:PORT',
  '[2001:0:7f00:1::]:PORT',
  '[fe80::1]:PORT',
  '[fec0::1]:PORT',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[ff02::1]',
  '[100::1]',
  '169.254.169.254',
  '169.254.170.2',
  '0xa9fea9fe',
  '2852039166',
  '[::ffff:a9fe:a9fe]',
  '168.63.129.16',
  '0xa83f8110',
  '[::ffff:a83f:8110]',
  '100.100.100.200',
  '100.64.0.1',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '192.0.0.192',
  '198.18.0.1',
  '192.0.2.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
];

/** What a name could resolve to: each answer is what the name server says, one call after the other. */
const ANSWERS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  loopback: [['127.0.0.1']],
  'loopback over IPv6': [['::1']],
  'IPv4-mapped loopback': [['::ffff:127.0.0.1']],
  'this host': [['0.0.0.0']],
  'instance metadata': [['169.254.169.254']],
  WireServer: [['168.63.129.16']],
  'metadata over IPv6': [['fd00:ec2::254']],
  'a private network': [['10.1.2.3']],
  'a private network over IPv6': [['fd12:3456::1']],
  'link-local': [['fe80::1']],
  'NAT64 of loopback': [['64:ff9b::7f00:1']],
  'a good address and a bad one': [['1.2.3.4', '127.0.0.1']],
  'a bad address and a good one': [['127.0.0.1', '1.2.3.4']],
  'a good address first, loopback when asked again': [['1.2.3.4'], ['127.0.0.1']],
  'a good address first, metadata when asked again': [['1.2.3.4'], ['169.254.169.254']],
};

/** A way for somebody else's words to become our connection. */
const ROUTES = [
  'redirect of a blob',
  'redirect of a manifest',
  'realm',
  'redirect of a realm',
  'urls',
] as const;
type Route = (typeof ROUTES)[number];

const layer = Buffer.from('a layer');
const descriptor = describeBlob('application/vnd.oci.image.layer.v1.tar+gzip', layer);
const TIMING = {
  ...{ attempts: 3, backoffFirstMs: 1, backoffMaxMs: 1, downFirstMs: 1, downMaxMs: 1 },
  ...{ connectMs: 150, headersMs: 2_000, patientHeadersMs: 2_000 },
};

interface PullSettings extends WrittenSettings {
  readonly lookup?: Lookup;
}

describe('egress rules', () => {
  let canary: Server;
  let canaryPort: number;
  let canaryHits = 0;
  /** A registry that an operator trusts to be here, and that has been taken over. */
  let front: TestServer;
  let target = '';
  let route: Route = 'realm';
  let recorder: ConnectionRecorder;

  before(async () => {
    canary = createServer((socket) => {
      canaryHits += 1;
      socket.destroy();
    });
    canary.listen(0, '::');
    await once(canary, 'listening');
    canaryPort = (canary.address() as AddressInfo).port;
    recorder = recordConnections();
    front = await serve((request, response) => {
      if (request.url.startsWith('/token')) return redirect(response, target, 302);
      if (request.headers.authorization !== undefined) return response.writeHead(404).end();
      switch (route) {
        case 'redirect of a blob':
        case 'redirect of a manifest':
          return redirect(response, target);
        case 'realm':
          return response.writeHead(401, { 'www-authenticate': `Bearer realm="${target}"` }).end();
        case 'redirect of a realm':
          return response
            .writeHead(401, { 'www-authenticate': `Bearer realm="${front.origin}/token"` })
            .end();
        case 'urls':
          return response.writeHead(404).end();
      }
    });
  });
  after(async () => {
    recorder.stop();
    canary.close();
    await front.close();
  });
  beforeEach(() => {
    canaryHits = 0;
    recorder.attempts.length = 0;
  });

  async function pull(
    registry: string,
    { lookup, ...written }: PullSettings,
    urls: readonly string[] = [],
  ): Promise<unknown> {
    const client = new RegistryClient({
      ...clientSettings({ insecure: [front.host], ...written }),
      timing: TIMING,
      ...(lookup !== undefined && { lookup }),
    });
    // Not through parseReference: what it refuses must be refused here too.
    const ref: ImageReference = { registry, repository: 'a/b', tag: '1' };
    try {
      if (route === 'redirect of a blob' || route === 'urls') {
        return await client.openBlob(ref, { ...descriptor, urls }, { start: 0, end: layer.length });
      }
      return await client.getManifest(ref);
    } finally {
      await client.close();
    }
  }

  async function pullVia(way: Route, url: string, options: PullSettings = {}): Promise<unknown> {
    route = way;
    target = url;
    return pull(front.host, options, [url]);
  }

  async function assertRefused(attempt: Promise<unknown>, others: readonly string[] = []): Promise<void> {
    await assert.rejects(attempt, (error: unknown) => {
      assert.ok(error instanceof CacheError, String(error));
      assert.equal(error.code, 'registry_not_allowed', error.message);
      assert.equal(error.retryable, false);
      return true;
    });
    assert.equal(canaryHits, 0, 'something arrived where nothing may');
    const unexpected = recorder.attempts.filter((one) => one !== front.host && !others.includes(one));
    assert.deepEqual(unexpected, [], 'a connection was tried');
  }

  const withPort = (literal: string): string => literal.replace('PORT', String(canaryPort));

  describe('an address written out', () => {
    for (const literal of LITERALS) {
      it(`as the image's host: ${literal}`, () => assertRefused(pull(withPort(literal), {})));
      for (const way of ROUTES) {
        it(`as ${way}: https://${literal}`, () =>
          assertRefused(pullVia(way, `https://${withPort(literal)}/x`)));
      }
    }
  });

  describe('a name that resolves to', () => {
    for (const [what, answers] of Object.entries(ANSWERS)) {
      const options = (): PullSettings => {
        const left = [...answers];
        const lookup: Lookup = () => {
          const now = (left.length > 1 ? left.shift() : left[0]) ?? [];
          return Promise.resolve(now.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
        };
        return { lookup };
      };
      // The good address of a rebinding answer may be tried: nothing tells it from any other.
      const good = (): string[] => [`1.2.3.4:${canaryPort}`];
      it(`${what}, as the image's host`, () =>
        assertRefused(pull(`rebind.example.com:${canaryPort}`, options()), good()));
      for (const way of ROUTES) {
        it(`${what}, as ${way}`, () =>
          assertRefused(pullVia(way, `https://rebind.example.com:${canaryPort}/x`, options()), good()));
      }
    }
  });

  describe('another scheme', () => {
    const urls = (): string[] => [
      `http://127.0.0.1:${canaryPort}/x`,
      `http://localhost:${canaryPort}/x`,
      `http://example.com/x`,
      `ftp://127.0.0.1:${canaryPort}/x`,
      'file:///etc/passwd',
      'data:application/json,{}',
      'unix:/var/run/docker.sock',
      `//localhost:${canaryPort}/x`,
      `http://user:secret@127.0.0.1:${canaryPort}/x`,
    ];
    for (let index = 0; index < 9; index += 1) {
      for (const way of ROUTES) {
        it(`as ${way}, number ${index + 1}`, async () => {
          await assertRefused(pullVia(way, urls()[index] ?? ''));
        });
      }
    }
  });

  describe('names of the platform itself', () => {
    it('localhost on any port but the one that was allowed', () =>
      assertRefused(pull(`localhost:${canaryPort}`, {})));
    it('an insecure registry does not open its host for other ports', () =>
      assertRefused(pull(`127.0.0.1:${canaryPort}`, { insecure: ['127.0.0.1', front.host] })));
    it('a local registry that speaks TLS is not spoken to without', () =>
      assertRefused(
        pullVia('redirect of a blob', `http://127.0.0.1:${canaryPort}/x`, {
          insecure: [front.host, `https://127.0.0.1:${canaryPort}`],
        }),
      ));
    it('an insecure registry may not be where a cloud keeps its tokens', () =>
      assertRefused(pull('169.254.169.254', { insecure: ['169.254.169.254'] })));
  });

  describe('ALLOWED_REGISTRIES', () => {
    const nowhere: Lookup = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    for (const [patterns, registry] of [
      [['ghcr.io'], 'docker.io'],
      [['ghcr.io'], 'ghcr.io:8443'],
      [['ghcr.io'], 'evil-ghcr.io'],
      [['ghcr.io'], 'ghcr.io.evil.com'],
      [['*.azurecr.io'], 'azurecr.io'],
      [['*.azurecr.io'], 'evilazurecr.io'],
      [['*.azurecr.io'], 'x.azurecr.io.evil.com'],
      [['docker.io'], 'quay.io'],
    ] as const) {
      it(`${patterns.join()} does not allow ${registry}`, () =>
        assertRefused(pull(registry, { allowed: patterns, lookup: nowhere })));
    }
  });

  describe('private addresses', () => {
    const inside: Lookup = () => Promise.resolve([{ address: '10.255.255.254', family: 4 }]);
    for (const [registry, allowed] of [
      ['someregistry.azurecr.io', []],
      ['someregistry.azurecr.cn', []],
      ['someregistry.westeurope.data.azurecr.io', []],
      ['registry.corp.example', ['registry.corp.example']],
      ['registry.corp.example:5000', ['registry.corp.example:5000']],
    ] as const) {
      it(`are for ${registry}${allowed.length > 0 ? ', as it is named' : ''}`, async () => {
        await assert.rejects(pull(registry, { allowed, lookup: inside }), {
          code: 'registry_unavailable',
        });
        const port = registry.split(':')[1] ?? '443';
        assert.ok(recorder.attempts.includes(`10.255.255.254:${port}`), 'it was to be tried');
      });
    }
    for (const [registry, allowed] of [
      ['someaccount.blob.core.windows.net', []],
      ['registry.corp.example', []],
      ['registry.corp.example', ['*.corp.example']],
      ['registry.corp.example', ['*']],
      ['registry.corp.example:5000', ['registry.corp.example:5000', '*']],
      ['azurecr.io.evil.example', []],
      ['evil-azurecr.io', []],
    ] as const) {
      const isNamed = (allowed as readonly string[]).includes(registry);
      it(`are ${isNamed ? 'still' : 'not'} for ${registry} with [${allowed.join()}]`, async () => {
        const attempt = pull(registry, { allowed, lookup: inside });
        if (isNamed) await assert.rejects(attempt, { code: 'registry_unavailable' });
        else await assertRefused(attempt);
      });
    }
    it('never over plain http', () =>
      assertRefused(
        pullVia('redirect of a blob', 'http://someaccount.blob.core.windows.net/x', { lookup: inside }),
      ));
  });

  it('does not tell a caller which address a name has', async () => {
    const lookup: Lookup = () => Promise.resolve([{ address: '10.9.8.7', family: 4 }]);
    await assert.rejects(pull('registry.corp.example', { lookup }), (error: unknown) => {
      assert.ok(error instanceof CacheError);
      assert.doesNotMatch(error.message, /10\.9\.8\.7/);
      return true;
    });
  });
});

describe('credentials', () => {
  const secret = Buffer.from('alice:very-secret').toString('base64');
  let registry: TestServer;
  let elsewhere: TestServer;
  let client: RegistryClient;
  const body = sampleImage([10]).manifest;

  before(async () => {
    elsewhere = await serve((request, response) => {
      // A challenge from where we were sent to is nobody's business.
      if (request.url.includes('/challenge')) {
        return response.writeHead(401, { 'www-authenticate': 'Basic realm="give it to me"' }).end();
      }
      if (request.url.includes('/back')) return redirect(response, `${registry.origin}/collect`);
      return response.end(request.url.includes('blob') ? layer : body);
    });
    registry = await serve((request, response) => {
      if (request.url === '/collect') return response.end(layer);
      if (request.headers.authorization !== `Basic ${secret}`) {
        return response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      }
      const way = /v2\/(\w+)\//.exec(request.url)?.[1] ?? '';
      return redirect(response, `${elsewhere.origin}/${way}/${request.url.includes('blobs') ? 'blob' : 'm'}`);
    });
    client = new RegistryClient({
      ...clientSettings({
        insecure: [registry.host, elsewhere.host],
        auths: { [registry.host]: { auth: secret } },
      }),
      timing: TIMING,
    });
  });
  after(async () => {
    await client.close();
    await registry.close();
    await elsewhere.close();
  });
  beforeEach(() => (registry.seen.length = elsewhere.seen.length = 0));

  const refTo = (way: string): ImageReference => ({
    registry: registry.host,
    repository: `${way}/b`,
    tag: '1',
  });
  const assertNothingLeaked = (): void => {
    assert.ok(elsewhere.seen.length > 0, 'the redirect was not followed');
    for (const { headers, url, body: sent } of elsewhere.seen) {
      assert.equal(headers.authorization, undefined);
      assert.equal(headers.cookie, undefined);
      assert.doesNotMatch(`${url}${sent}${JSON.stringify(headers)}`, new RegExp(`${secret}|very-secret`));
    }
  };

  it('stay at the registry when a blob is elsewhere', async () => {
    const reader = await client.openBlob(refTo('plain'), descriptor, { start: 0, end: layer.length });
    reader.close();
    assertNothingLeaked();
  });
  it('stay at the registry when a manifest is elsewhere', async () => {
    await client.getManifest(refTo('plain'), sha256Of(body));
    assertNothingLeaked();
  });
  it('are not given to a storage that asks for them', async () => {
    await assert.rejects(client.openBlob(refTo('challenge'), descriptor, { start: 0, end: layer.length }));
    assertNothingLeaked();
  });
  it('do not come back after a detour', async () => {
    const reader = await client.openBlob(refTo('back'), descriptor, { start: 0, end: layer.length });
    reader.close();
    assertNothingLeaked();
    assert.equal(registry.seen.find(({ url }) => url === '/collect')?.headers.authorization, undefined);
  });
  it('go to the realm, and no further when that one redirects', async () => {
    const realm = await serve((_request, response) => redirect(response, `${elsewhere.origin}/token`, 302));
    const asking = await serve((_request, response) =>
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm.origin}/token"` }).end(),
    );
    const own = new RegistryClient({
      ...clientSettings({
        insecure: [asking.host, realm.host, elsewhere.host],
        auths: { [asking.host]: { auth: secret } },
      }),
      timing: TIMING,
    });
    await assert.rejects(own.getManifest({ registry: asking.host, repository: 'a/b', tag: '1' }));
    assert.equal(realm.seen[0]?.headers.authorization, `Basic ${secret}`);
    assertNothingLeaked();
    for (const server of [asking, realm]) await server.close();
    await own.close();
  });
  it('are for the registry they are configured for only', async () => {
    const other = { registry: elsewhere.host, repository: 'challenge/b', tag: '1' };
    await assert.rejects(client.getManifest(other), { code: 'registry_denied' });
    assertNothingLeaked();
  });
});
