import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RegistryClient, type RegistryOptions } from '../../../src/registry/client.ts';
import { clientSettings } from '../support/clientSettings.ts';
import { type FakeRegistry, QUICK, startFakeRegistry } from '../support/fakeRegistry.ts';
import { sampleImage } from '../support/samples.ts';
import type { SeenRequest } from '../support/server.ts';

const image = sampleImage([1000, 2000]);
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

/** A registry that wants the newest token of its own realm; what a test does not change is well-behaved. */
interface Rules {
  challenge: string | string[] | undefined;
  token: (request: SeenRequest, count: number) => { status?: number; body?: unknown };
  accepts: (authorization: string | undefined, request: SeenRequest) => boolean;
}

describe('authentication', () => {
  let registry: FakeRegistry;
  let rules: Rules;
  let issued: string[];
  const seconds: RegistryClient[] = [];

  async function start(options: Partial<RegistryOptions> = {}): Promise<RegistryClient> {
    registry = await startFakeRegistry(image, options);
    registry.misbehave = (request, response) => {
      if (request.url.startsWith('/token')) {
        const { status = 200, body } = rules.token(request, issued.length + 1);
        if (status === 200) issued.push(`t${issued.length + 1}`);
        const token = issued.at(-1);
        response
          .writeHead(status)
          .end(typeof body === 'string' ? body : JSON.stringify(body ?? { token, expires_in: 300 }));
        return true;
      }
      if (rules.accepts(request.headers.authorization, request)) return false;
      if (rules.challenge === undefined) response.writeHead(401).end();
      else response.writeHead(401, { 'www-authenticate': rules.challenge }).end();
      return true;
    };
    return registry.client;
  }
  beforeEach(() => {
    issued = [];
    rules = {
      challenge: 'Bearer realm="/token",service="reg"',
      token: () => ({}),
      accepts: (authorization) => issued.length > 0 && authorization === `Bearer ${issued.at(-1)}`,
    };
  });
  afterEach(async () => {
    for (const client of seconds.splice(0)) await client.close();
    await registry.close();
  });

  const tokenRequests = (): SeenRequest[] => registry.seen.filter(({ url }) => url.startsWith('/token'));
  /** A second client of the same registry, with an entry for it. */
  async function withEntry(entry: object): Promise<RegistryClient> {
    await start();
    const { host } = registry;
    const client = new RegistryClient({
      ...clientSettings({ insecure: [host], auths: { [host]: entry } }),
      timing: QUICK,
    });
    seconds.push(client);
    return client;
  }

  it('asks with the scope that the registry left out, at a realm that is relative', async () => {
    const client = await start();
    await client.getManifest(registry.ref('deep/team/sample'));
    assert.deepEqual(
      tokenRequests().map(({ method, url, headers }) => [method, url, headers.authorization]),
      [['GET', '/token?service=reg&scope=repository%3Adeep%2Fteam%2Fsample%3Apull', undefined]],
    );
  });

  it('keeps what the realm has in its query, and every scope that is named', async () => {
    rules.challenge =
      'Bearer realm="/token?account=x",scope="repository:team/sample:pull registry:catalog:*"';
    const client = await start();
    await client.getManifest(registry.ref());
    assert.equal(
      decodeURIComponent(tokenRequests()[0]?.url ?? ''),
      '/token?account=x&scope=repository:team/sample:pull&scope=registry:catalog:*',
    );
  });

  it('fetches one token, however much is wanted at once', async () => {
    const client = await start();
    const ref = registry.ref();
    await Promise.all([
      ...Array.from({ length: 10 }, () => client.getManifest(ref)),
      ...image.layerDescriptors.map((layer) => client.getBlob(ref, layer)),
    ]);
    assert.equal(tokenRequests().length, 1);
  });

  it('fetches a token for each repository', async () => {
    rules.accepts = (authorization) => issued.some((token) => authorization === `Bearer ${token}`);
    const client = await start();
    await client.getManifest(registry.ref('one/image'));
    await client.getManifest(registry.ref('another/image'));
    await client.getManifest(registry.ref('one/image'));
    assert.equal(tokenRequests().length, 2);
  });

  it('replaces a token before it ends', async () => {
    rules.token = (_request, count) => ({ body: { access_token: `t${count}`, expires_in: 0.2 } });
    const client = await start({ timing: { ...QUICK, tokenMarginMs: 900 } });
    await client.getManifest(registry.ref());
    await sleep(150); // past half of its life, which is when it is replaced
    await client.getManifest(registry.ref());
    assert.equal(tokenRequests().length, 2);
    // Nothing was refused in between.
    assert.deepEqual(
      registry.seen.filter(({ url }) => url.startsWith('/v2')).map(({ headers }) => headers.authorization),
      [undefined, 'Bearer t1', 'Bearer t2'],
    );
  });

  it('replaces a token that is refused in the middle, once', async () => {
    const client = await start();
    await client.getManifest(registry.ref());
    issued.push('revoked-by-the-registry');
    await client.getManifest(registry.ref());
    assert.equal(tokenRequests().length, 2);

    rules.accepts = () => false;
    await assert.rejects(client.getManifest(registry.ref()), { code: 'registry_denied' });
    assert.equal(tokenRequests().length, 3);
  });

  it('looks for a challenge at the root where a refusal has none', async () => {
    const { challenge } = rules;
    rules.challenge = undefined;
    const client = await start();
    const { misbehave } = registry;
    registry.misbehave = (request, response) => {
      if (request.url !== '/v2/') return misbehave(request, response);
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return true;
    };
    await client.getManifest(registry.ref());
    assert.equal(registry.seen.filter(({ url }) => url === '/v2/').length, 1);
  });

  for (const status of [403, 404]) {
    it(`finds a private image that is answered ${status} without a user`, async () => {
      rules.accepts = (authorization) => authorization === basic('alice:pw');
      const client = await withEntry({ auth: Buffer.from('alice:pw').toString('base64') });
      const { misbehave } = registry;
      registry.misbehave = (request, response) => {
        if (request.headers.authorization !== undefined) return misbehave(request, response);
        if (request.url === '/v2/') response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        else response.writeHead(status).end();
        return true;
      };
      await client.getManifest(registry.ref());
      // Without a user there is nothing that the root's challenge asks for, and it is asked once.
      registry.seen.length = 0;
      await assert.rejects(registry.client.getManifest(registry.ref()));
      await assert.rejects(registry.client.getManifest(registry.ref()));
      assert.deepEqual(
        registry.seen.map(({ url }) => url),
        ['/v2/team/sample/manifests/1', '/v2/', '/v2/team/sample/manifests/1'],
      );
    });
  }

  it('takes Bearer where Basic is offered too, with the user', async () => {
    rules.challenge = ['Basic realm="x"', 'Bearer realm="/token",service="reg"'];
    const client = await withEntry({ auth: Buffer.from('alice:pw').toString('base64') });
    await client.getManifest(registry.ref());
    assert.equal(tokenRequests()[0]?.headers.authorization, basic('alice:pw'));
  });

  it('sends Basic once it is asked for, and never before', async () => {
    rules.challenge = 'Basic realm="x"';
    rules.accepts = (authorization) => authorization === basic('AWS:token');
    const client = await withEntry({ auth: Buffer.from('AWS:token').toString('base64') });
    await client.getManifest(registry.ref());
    await client.getManifest(registry.ref());
    assert.deepEqual(
      registry.seen.map(({ headers }) => headers.authorization),
      [undefined, basic('AWS:token'), basic('AWS:token')],
    );
  });

  it('does not repeat a Basic that is refused', async () => {
    rules.challenge = 'Basic realm="x"';
    rules.accepts = () => false;
    const client = await withEntry({ auth: Buffer.from('a:b').toString('base64') });
    await assert.rejects(client.getManifest(registry.ref()), { code: 'registry_denied' });
    assert.equal(registry.seen.length, 2);
  });

  it('sends an identity token by POST only', async () => {
    const client = await withEntry({ identitytoken: 'refresh&me' });
    await client.getManifest(registry.ref());
    const [request] = tokenRequests();
    assert.equal(request?.method, 'POST');
    assert.equal(request.url, '/token');
    assert.equal(request.headers.authorization, undefined);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(request.body)), {
      grant_type: 'refresh_token',
      client_id: 'tes-image-cache',
      service: 'reg',
      scope: 'repository:team/sample:pull',
      refresh_token: 'refresh&me',
    });
  });

  it('does not follow a realm that redirects a POST', async () => {
    const client = await withEntry({ identitytoken: 'refresh' });
    const { misbehave } = registry;
    registry.misbehave = (request, response) => {
      if (request.url !== '/token') return misbehave(request, response);
      response.writeHead(307, { location: '/token2' }).end();
      return true;
    };
    await assert.rejects(client.getManifest(registry.ref()));
    assert.equal(registry.seen.filter(({ url }) => url === '/token2').length, 0);
  });

  it('sends a registry token as it is', async () => {
    rules.accepts = (authorization) => authorization === 'Bearer mine';
    const client = await withEntry({ registrytoken: 'mine' });
    await client.getManifest(registry.ref());
    assert.equal(registry.seen.length, 1);
  });

  for (const [what, answer, code] of [
    ['refuses', { status: 401 }, 'registry_denied'],
    ['forbids', { status: 403 }, 'registry_denied'],
    ['does not know the credential', { status: 400 }, 'registry_denied'],
    ['is not there', { status: 404 }, 'registry_denied'],
    ['is broken', { status: 500 }, 'registry_unavailable'],
    ['says nothing', { body: {} }, 'registry_unavailable'],
    ['says something else', { body: '<html>' }, 'registry_unavailable'],
    ['says too much', { body: JSON.stringify({ token: 'x'.repeat(70_000) }) }, 'registry_unavailable'],
    ['hides a header in a token', { body: { token: 'x\r\nX-Evil: 1' } }, 'registry_unavailable'],
  ] as const) {
    it(`fails clearly where the realm ${what}`, async () => {
      rules.token = () => answer;
      const client = await start();
      await assert.rejects(client.getManifest(registry.ref()), { code });
    });
  }

  it('fails clearly where no way in is known', async () => {
    for (const challenge of [
      'Negotiate',
      'Basic realm="x"',
      'Bearer service="x"',
      'Bearer realm="::"',
      'x'.repeat(9000),
    ]) {
      rules.challenge = challenge;
      const client = await start();
      await assert.rejects(client.getManifest(registry.ref()), { code: 'registry_denied' });
      await registry.close();
    }
    await start();
  });

  it('keeps every secret out of what it logs and throws', async () => {
    rules.challenge = 'Basic realm="x"';
    rules.accepts = () => false;
    const client = await withEntry({ auth: Buffer.from('alice:hunter2').toString('base64') });
    const error: unknown = await client.getManifest(registry.ref()).catch((reason: unknown) => reason);
    assert.ok(error instanceof Error);
    const shown = `${error.stack}${JSON.stringify(error)}${JSON.stringify(registry.events)}`;
    assert.doesNotMatch(shown, /hunter2|YWxpY2U6/);
  });
});
