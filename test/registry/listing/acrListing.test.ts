import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { CacheError } from '../../../src/errors.ts';
import type { EntraCredential } from '../../../src/registry/auth/acr.ts';
import { RegistryClient, type RegistryOptions } from '../../../src/registry/client.ts';
import { type Registry, startRegistry } from '../../support/registry.ts';
import { requireTools } from '../../support/tools.ts';
import { type AcrFront, type AcrOptions, startAcrFront } from '../support/acrFront.ts';
import { clientSettings } from '../support/clientSettings.ts';
import { QUICK } from '../support/fakeRegistry.ts';
import { push, sampleImage } from '../support/samples.ts';
import { serve, type TestServer } from '../support/server.ts';

async function firstOf(list: AsyncIterable<string>, count = Infinity): Promise<string[]> {
  const names: string[] = [];
  for await (const name of list) {
    names.push(name);
    if (names.length === count) break;
  }
  return names;
}

async function failure(list: AsyncIterable<string>): Promise<CacheError> {
  try {
    await firstOf(list);
  } catch (error) {
    assert.ok(error instanceof CacheError, String(error));
    return error;
  }
  assert.fail('listed');
}

describe('the lists of an Azure Container Registry', { skip: requireTools('docker-registry') }, () => {
  const entraToken = randomBytes(12).toString('hex');
  const tags = Array.from({ length: 230 }, (_, at) => `1.${at}`);
  let upstream: Registry;
  let front: AcrFront;
  let client: RegistryClient;

  before(async () => {
    upstream = await startRegistry();
    const image = sampleImage([100]);
    for (const tag of tags) await push(upstream, 'team/sample', tag, image);
    for (const repository of ['other', 'team/tool', 'tools/x']) await push(upstream, repository, '1', image);
  });
  after(() => upstream.close());
  afterEach(async () => {
    await client.close();
    await front.close();
  });

  async function start(acr: Partial<AcrOptions> = {}, options: Partial<RegistryOptions> = {}): Promise<void> {
    front = await startAcrFront(upstream.url, { entraTokens: new Set([entraToken]), ...acr });
    // Pushed in another order than their names have.
    for (const [at, tag] of tags.entries())
      front.touch('team/sample', tag, new Date(Date.UTC(2026, 0, 1) + ((at * 7) % tags.length) * 1000));
    const entraCredential: EntraCredential = {
      getToken: () => Promise.resolve({ token: entraToken, expiresOnTimestamp: Date.now() + 3600_000 }),
    };
    client = new RegistryClient({
      ...clientSettings({ insecure: [front.host] }),
      acrHosts: [front.host],
      timing: QUICK,
      entraCredential,
      ...options,
    });
  }
  const listTags = (repository = 'team/sample') => client.listTags({ registry: front.host, repository });
  const byTime = (): string[] => [...tags].sort((one, other) => time(other) - time(one)).map((tag) => tag);
  const time = (tag: string): number => (Number(tag.slice(2)) * 7) % tags.length;

  it('give tags by their last update, page by page, in one sign-in with this app’s identity', async () => {
    await start();
    assert.deepEqual(await firstOf(listTags()), byTime());
    assert.deepEqual(front.log, [
      'GET /oauth2/token 401',
      'POST /oauth2/exchange 200',
      'POST /oauth2/token 200',
    ]);
    assert.equal(front.listed.length, 3);
    assert.match(front.listed[0] ?? '', /^GET \/acr\/v1\/team%2Fsample\/_tags\?.*orderby=timedesc.* 200$/);
  });

  it('are asked for no page more than is wanted', async () => {
    await start();
    assert.deepEqual(await firstOf(listTags(), 3), byTime().slice(0, 3));
    assert.equal(front.listed.length, 1);
  });

  it('give the repositories', async () => {
    await start();
    const names = await firstOf(client.listRepositories(front.host));
    assert.deepEqual(names, ['other', 'team/sample', 'team/tool', 'tools/x']);
  });

  it('ask anonymously where that is enough', async () => {
    await start({ anonymousPull: true });
    assert.equal((await firstOf(listTags('other'))).length, 1);
    assert.deepEqual(front.log, ['GET /oauth2/token 200']);
  });

  it('take the credential that is configured for the host, of whatever kind', async () => {
    await start({ adminUser: { name: 'me', password: 'secret' } });
    for (const entry of [
      { username: 'me', password: 'secret' },
      { identitytoken: front.mintRefreshToken() },
    ]) {
      const { credentials } = clientSettings({ auths: { [front.host]: entry } });
      await client.close();
      client = new RegistryClient({
        ...clientSettings({ insecure: [front.host] }),
        credentials,
        timing: QUICK,
      });
      assert.deepEqual(await firstOf(listTags('team/tool')), ['1']);
    }
    assert.ok(!front.log.some((line) => line.includes('exchange')));
  });

  it('leave the sign-in for pulling alone, and go on after a token’s end', async () => {
    await start({ accessLifetime: 1 });
    const ref = { registry: front.host, repository: 'team/sample', tag: '1.0' };
    for (let round = 0; round < 2; round += 1) {
      assert.equal((await firstOf(listTags(), 1)).length, 1);
      await client.resolveManifest(ref);
      await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    assert.equal(front.log.filter((line) => line === 'POST /oauth2/exchange 200').length, 1);
  });

  it('are clear about what is not there, and who may not', async () => {
    await start();
    const unknown = await failure(listTags('team/none'));
    assert.equal(unknown.code, 'image_not_found');
    assert.match(unknown.message, /team\/none is not at .*repository name not known/);
    await client.close();
    await front.close();
    await start({ entraTokens: new Set() });
    const denied = await failure(listTags());
    assert.equal(denied.code, 'registry_denied');
    assert.ok(!denied.message.includes(entraToken));
  });

  it('wait as long as a registry says that is throttled', async () => {
    await start({ readOps: 0 });
    const throttled = await failure(listTags());
    assert.deepEqual([throttled.code, throttled.retryAfterSeconds], ['registry_throttled', 45]);
  });

  it('are not asked of a registry that is not allowed', async () => {
    await start();
    await client.close();
    client = new RegistryClient({ ...clientSettings({ allowed: ['elsewhere.example'] }), timing: QUICK });
    assert.equal((await failure(listTags())).code, 'registry_not_allowed');
    assert.deepEqual(front.listed, []);
  });
});

describe('a registry that plays with its lists', () => {
  let server: TestServer;
  let elsewhere: TestServer;
  let client: RegistryClient;
  let answer: (url: string) => { status?: number; body: unknown; link?: string; type?: string };
  let asked: string[];
  let strangers: number;

  beforeEach(async () => {
    asked = [];
    strangers = 0;
    elsewhere = await serve((_request, response) => {
      strangers += 1;
      response.end('{}');
    });
    server = await serve((request, response) => {
      asked.push(request.url);
      const { status = 200, body, link, type = 'application/json' } = answer(request.url);
      response.writeHead(status, {
        'content-type': type,
        ...(link !== undefined && (status === 307 ? { location: link } : { link: `<${link}>; rel="next"` })),
      });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    client = new RegistryClient({
      ...clientSettings({ insecure: [server.host, elsewhere.host] }),
      timing: QUICK,
    });
  });
  afterEach(async () => {
    await client.close();
    await server.close();
    await elsewhere.close();
  });
  const listTags = () => client.listTags({ registry: server.host, repository: 'a' });
  const page = (...names: string[]) => ({
    registry: server.host,
    imageName: 'a',
    tags: names.map((name) => ({ name, digest: 'sha256:0', createdTime: '2026-01-01T00:00:00Z' })),
  });

  it('is not followed to another host, by a next page or a redirect', async () => {
    for (const link of [
      `${elsewhere.origin}/acr/v1/a/_tags?last=1`,
      `https://${elsewhere.host}/acr/v1/a/_tags`,
      `//${elsewhere.host}/acr/v1/a/_tags`,
    ]) {
      answer = () => ({ body: page('1'), link });
      const error = await failure(listTags());
      assert.equal(error.code, 'registry_unavailable', `${link}: ${error.message}`);
      answer = () => ({ status: 307, body: '', link });
      assert.ok((await failure(listTags())) instanceof CacheError);
    }
    assert.equal(strangers, 0);
  });

  it('cannot go on for ever, with full pages or empty ones', async () => {
    for (const names of [['1'], []]) {
      asked = [];
      answer = () => ({ body: page(...names), link: `/acr/v1/a/_tags?last=${asked.length}` });
      const error = await failure(listTags());
      assert.match(error.message, /does not end/);
      assert.ok(asked.length <= 500, `${asked.length} requests`);
    }
  });

  for (const [what, body, type] of [
    ['a page to sign in', '<html>', 'text/html'],
    ['no JSON', 'hello', 'application/json'],
    ['a list', '[]', 'application/json'],
    ['JSON with tags that are none', { tags: 'x' }, 'application/json'],
    ['tags without names', { tags: [{ digest: 'sha256:0' }, {}] }, 'application/json'],
    ['tags that are nothing', { tags: [null, 7] }, 'application/json'],
    ['too much', `{"tags": "${'x'.repeat(5_000_000)}"}`, 'application/json'],
  ] as const)
    it(`gets a clear error for ${what}`, async () => {
      answer = () => ({ body, type });
      const error = await failure(listTags());
      assert.equal(error.code, 'registry_unavailable', error.message);
      assert.match(error.message, /listing|cannot be listed/, error.message);
    });

  it('has no tags where it says so', async () => {
    for (const body of [page(), { registry: server.host, imageName: 'a', tags: null }, {}]) {
      answer = () => ({ body });
      assert.deepEqual(await firstOf(listTags()), []);
    }
  });

  it('is told apart where it knows no such lists', async () => {
    answer = () => ({ status: 404, body: '404 page not found', type: 'text/plain' });
    assert.equal((await failure(listTags())).code, 'image_not_found');
  });
});
