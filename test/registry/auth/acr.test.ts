import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseReference } from '../../../src/image/reference.ts';
import { ACR_SCOPE, type EntraCredential, isAcrHost } from '../../../src/registry/auth/acr.ts';
import { RegistryClient, type RegistryOptions } from '../../../src/registry/client.ts';
import { type Registry, startRegistry } from '../../support/registry.ts';
import { requireTools } from '../../support/tools.ts';
import { type AcrFront, type AcrOptions, startAcrFront } from '../support/acrFront.ts';
import { clientSettings } from '../support/clientSettings.ts';
import { QUICK } from '../support/fakeRegistry.ts';
import { push, sampleImage } from '../support/samples.ts';

describe('isAcrHost', () => {
  for (const host of [
    'myregistry.azurecr.io',
    'myregistry.azurecr.cn',
    'myregistry.azurecr.us',
    'contoso-abc123def456.azurecr.io',
  ]) {
    it(`is ${host}`, () => assert.ok(isAcrHost(host)));
  }
  for (const host of [
    'azurecr.io',
    'myregistry.azurecr.io:8443',
    'myregistry.azurecr.io.evil.com',
    'evilazurecr.io',
    'a.b.azurecr.io',
    'myregistry.azurecr.com',
    'myregistry.westeurope.data.azurecr.io',
    'MYREGISTRY.azurecr.io@evil.com',
    'myregistry.azurecr.io.',
    '127.0.0.1',
    'docker.io',
  ]) {
    it(`is not ${host}`, () => assert.ok(!isAcrHost(host)));
  }
});

describe('Azure Container Registry', { skip: requireTools('docker-registry') }, () => {
  const image = sampleImage([200_000, 1000]);
  const entraToken = randomBytes(12).toString('hex');
  let upstream: Registry;
  let front: AcrFront;
  let client: RegistryClient;
  let asked: string[];

  before(async () => {
    upstream = await startRegistry();
    await push(upstream, 'team/sample', '1', image);
  });
  after(() => upstream.close());
  afterEach(async () => {
    await client.close();
    await front.close();
  });

  async function start(
    acr: Partial<AcrOptions>,
    options: Partial<RegistryOptions> | ((host: string) => Partial<RegistryOptions>) = {},
  ): Promise<void> {
    asked = [];
    front = await startAcrFront(upstream.url, { entraTokens: new Set([entraToken]), ...acr });
    const entraCredential: EntraCredential = {
      getToken: (scope) => {
        asked.push(scope);
        return Promise.resolve({ token: entraToken, expiresOnTimestamp: Date.now() + 3600_000 });
      },
    };
    client = new RegistryClient({
      ...clientSettings({ insecure: [front.host] }),
      acrHosts: [front.host],
      timing: QUICK,
      entraCredential,
      ...(typeof options === 'function' ? options(front.host) : options),
    });
  }
  async function pull(): Promise<void> {
    const ref = parseReference(`${front.host}/team/sample:1`);
    const { digest } = await client.resolveManifest(ref);
    await client.getManifest(ref, digest);
    await Promise.all(
      image.layerDescriptors.map(async (descriptor, index) => {
        const whole = { start: 0, end: descriptor.size };
        const reader = await client.openBlob(ref, descriptor, whole);
        assert.ok((await buffer(reader.read(0, descriptor.size))).equals(image.layers[index] ?? Buffer.of()));
        reader.close();
      }),
    );
  }
  /** Another client of the same registry, which has an entry in DOCKER_AUTH_CONFIG and no identity. */
  async function useEntry(entry: object): Promise<void> {
    await client.close();
    client = new RegistryClient({
      ...clientSettings({ insecure: [front.host], auths: { [front.host]: entry } }),
      acrHosts: [front.host],
      timing: QUICK,
    });
  }

  it('is pulled from with this app’s identity, in one exchange and one token', async () => {
    await start({});
    await pull();
    await pull();
    assert.deepEqual(front.log, [
      'GET /oauth2/token 401',
      'POST /oauth2/exchange 200',
      'POST /oauth2/token 200',
    ]);
    assert.deepEqual(asked, [ACR_SCOPE]);
  });

  it('is pulled from anonymously where it allows that, without any identity', async () => {
    await start({ anonymousPull: true });
    await pull();
    assert.deepEqual(front.log, ['GET /oauth2/token 200']);
    assert.deepEqual(asked, []);
  });

  it('is asked for again later where the identity endpoint does not answer', async () => {
    await start(
      {},
      { entraCredential: { getToken: () => Promise.reject(new DOMException('No token.', 'TimeoutError')) } },
    );
    await assert.rejects(pull(), {
      code: 'registry_unavailable',
      retryable: true,
      message: /identity endpoint did not answer in time/,
    });
  });

  it('gets the identity too where its anonymous tokens open nothing', async () => {
    await start({ uselessAnonymousToken: true });
    await pull();
    assert.deepEqual(asked, [ACR_SCOPE]);
  });

  it('takes an admin user or a repository token from DOCKER_AUTH_CONFIG', async () => {
    await start({ adminUser: { name: 'admin', password: 'pw' } }, (host) =>
      clientSettings({ insecure: [host], auths: { [host]: { username: 'admin', password: 'pw' } } }),
    );
    await pull();
    assert.deepEqual(front.log, ['GET /oauth2/token 200']);
    assert.deepEqual(asked, [], 'what is configured goes before the identity');
  });

  it('takes its refresh token as a password', async () => {
    await start({});
    const username = '00000000-0000-0000-0000-000000000000';
    await useEntry({ username, password: front.mintRefreshToken() });
    await pull();
    assert.deepEqual(front.log, ['GET /oauth2/token 200']);
  });

  it('takes its refresh token as an identity token', async () => {
    await start({});
    await useEntry({ auth: '', identitytoken: front.mintRefreshToken() });
    await pull();
    assert.deepEqual(front.log, ['POST /oauth2/token 200']);
  });

  it('gives a new access token when one ends, with the refresh token it has', async () => {
    await start({ accessLifetime: 0.2 });
    await pull();
    await sleep(250);
    await pull();
    assert.equal(asked.length, 1);
    assert.equal(front.log.filter((line) => line === 'POST /oauth2/exchange 200').length, 1);
    assert.ok(front.log.filter((line) => line === 'POST /oauth2/token 200').length >= 2);
  });

  it('refuses an identity without the role, saying which role', async () => {
    await start({ entraTokens: new Set() });
    await assert.rejects(pull(), { code: 'registry_denied' });
  });

  it('says what to do where there is no identity', async () => {
    await start({}, { entraCredential: { getToken: () => Promise.reject(new Error('no identity here')) } });
    await assert.rejects(pull(), { code: 'registry_denied', message: /AcrPull.*DOCKER_AUTH_CONFIG/ });
  });

  it('leaves its one-minute window to the caller', async () => {
    await start({ readOps: 3 });
    await assert.rejects(pull(), { code: 'registry_throttled', retryAfterSeconds: 45 });
  });

  it('is the only kind of registry that ever sees an Entra token', async () => {
    await start({}, { acrHosts: [] });
    await assert.rejects(pull(), { code: 'registry_denied' });
    assert.deepEqual(asked, []);
    assert.ok(front.seen.every(({ body }) => !body.includes(entraToken)));
  });
});
