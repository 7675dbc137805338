import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { must, removeDirectory, temporaryDirectory } from '../support/process.ts';
import type { PushedImage } from '../support/push.ts';
import { pushImage } from '../support/push.ts';
import type { Registry } from '../support/registry.ts';
import { startRegistry } from '../support/registry.ts';
import type { TestService } from '../support/service.ts';
import { startTestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';
import type { Node } from './support/node.ts';
import { NODE_TOOLS, pathWithout, startNode, SUITE_LIMIT } from './support/node.ts';
import { type Proxy, type ProxyOptions, startProxy } from './support/proxy.ts';

const MiB = 1024 * 1024;
const NOWHERE = 'http://127.0.0.1:9';

describe('tes-node when things go wrong', { timeout: SUITE_LIMIT, skip: requireTools(...NODE_TOOLS) }, () => {
  let registry: Registry;
  let service: TestService;
  let node: Node;
  let image: PushedImage;
  let proxies: Proxy[];

  before(async () => {
    registry = await startRegistry();
    const files = { 'data/large': randomBytes(24 * MiB) };
    image = await pushImage(registry, { name: 'team/large', tag: '1', layers: [{ files }] });
    service = await startTestService({ INSECURE_REGISTRIES: registry.host });
    await service.cache(image.reference);
    node = await startNode(service.url);
  });
  after(async () => {
    await node.close();
    await service.close();
    await registry.close();
  });
  beforeEach(() => (proxies = []));
  afterEach(async () => {
    for (const proxy of proxies) await proxy.close();
    const ids = await node.docker('image', 'ls', '--all', '--quiet', '--no-trunc');
    if (ids !== '') await node.docker('rmi', '--force', ...ids.split('\n'));
  });

  const proxied = async (options: ProxyOptions, target = () => service.url) => {
    const proxy = await startProxy(target, options);
    proxies.push(proxy);
    return proxy;
  };
  const prepare = (env: Readonly<Record<string, string>> = {}) =>
    node.tesNode(['prepare', image.reference], { env });

  it('uses the image on the node while the service is down, and says what is missing otherwise', async () => {
    const down = { TES_CACHE_URL: NOWHERE, TES_CACHE_WAIT: '2' };
    const without = await prepare(down);
    assert.equal(without.code, 4, without.stderr);
    assert.match(without.stderr, /error: \S+large:1 cannot be had: the service \S+ does not answer/);
    assert.equal((await prepare()).code, 0);
    const { code, stdout, stderr } = await prepare(down);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^\S+large:sha256-[0-9a-f]{64}\n$/);
    assert.match(stderr, /warning: the service does not answer/);
  });

  it('gives up on a storage that is down, and leaves nothing half done', async () => {
    const rewrite = (body: string) => body.replace(/^URL='http:\/\/[^/]+/m, `URL='${NOWHERE}`);
    const { code, stderr } = await prepare({
      TES_CACHE_URL: (await proxied({ rewrite })).url,
      TES_CACHE_WAIT: '2',
    });
    assert.equal(code, 4, stderr);
    assert.match(stderr, /error: \S+large:1 could not be downloaded/);
    assert.equal(await node.docker('image', 'ls', '--all', '--quiet'), '');
    assert.equal((await prepare()).code, 0);
  });

  for (const without of ['wget', 'curl']) {
    it(`goes on where the storage broke off (without ${without})`, async () => {
      let storageUrl = '';
      const storage = await proxied({ cutAfter: 3 * MiB }, () => storageUrl);
      const rewrite = (body: string) =>
        body.replace(/^URL='(http:\/\/[^/]+)/m, (_, origin: string) => {
          storageUrl = origin;
          return `URL='${storage.url}`;
        });
      const { code, stderr } = await prepare({
        TES_CACHE_URL: (await proxied({ rewrite })).url,
        PATH: await pathWithout(path.join(node.root, `without-${without}`), without),
      });
      assert.equal(code, 0, stderr);
      assert.ok(storage.requests.length > 8, `${storage.requests.length} requests`);
    });
  }

  it('asks for another URL where the first one has expired', async () => {
    let given = 0;
    const rewrite = (body: string) =>
      body.replace(/^(URL='.*se=)2/m, (all, before: string) => (given++ === 0 ? `${before}1` : all));
    const { code, stderr } = await prepare({ TES_CACHE_URL: (await proxied({ rewrite })).url });
    assert.equal(code, 0, stderr);
    assert.ok(given >= 2);
  });

  it('refuses before downloading what the disk cannot hold, with both numbers', async () => {
    const root = await temporaryDirectory('disk');
    await must(['mount', '-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', root]);
    try {
      const small = await startNode(service.url, { root });
      const { code, stderr } = await small.tesNode(['prepare', image.reference]);
      await small.close();
      assert.equal(code, 5, stderr);
      assert.match(stderr, /needs at least 49 MiB .*; (39|40) MiB are free/);
    } finally {
      await must(['umount', '--lazy', root]);
      await removeDirectory(root);
    }
  });

  it('says that the daemon is down', async () => {
    const { code, stderr } = await prepare({ DOCKER_HOST: 'unix:///nowhere' });
    assert.equal(code, 6);
    assert.match(stderr, /error: docker does not answer: .*Is the daemon running/);
  });

  it('refuses an archive that holds another image', async () => {
    const rewrite = (body: string) =>
      body.replace(/^(IMAGE_ID|MANIFEST_DIGEST)='sha256:..../gm, "$1='sha256:0000");
    const { code, stdout, stderr } = await prepare({ TES_CACHE_URL: (await proxied({ rewrite })).url });
    assert.equal(code, 7, stderr);
    assert.equal(stdout, '');
  });

  it('evaluates nothing that the service sends', async () => {
    const mark = path.join(node.root, 'mark');
    const attacks = [
      `$(touch ${mark})`,
      `a[$(touch ${mark})]`,
      `'\\''; touch ${mark}; '`,
      `-x\`touch ${mark}\``,
    ];
    for (const name of ['RUN_REF', 'TAG_AS', 'SIZE', 'RANGES', 'LAYERS_HELD', 'IMAGE_ID', 'URL']) {
      for (const attack of attacks) {
        const rewrite = (body: string) =>
          body.replace(new RegExp(`^${name}=.*$`, 'm'), () => `${name}='${attack}'`);
        const env = { TES_CACHE_URL: (await proxied({ rewrite })).url, TES_CACHE_WAIT: '1' };
        const { code, stderr } = await node.tesNode(['prepare', image.reference], { env, shell: ['bash'] });
        assert.equal(code, 4, `${name} ${attack}: ${stderr}`);
      }
    }
    assert.ok(!(await readdir(node.root)).includes('mark'));
  });

  for (const without of ['wget', 'curl']) {
    it(`shows neither key nor signature to other processes (without ${without})`, async () => {
      const key = 'a-secret-function-key';
      const keyFile = path.join(node.root, 'key');
      await writeFile(keyFile, `${key}\n`);
      const proxy = await proxied({});
      const state = { done: false };
      const preparing = prepare({
        TES_CACHE_URL: proxy.url,
        TES_CACHE_KEY_FILE: keyFile,
        PATH: await pathWithout(path.join(node.root, `secret-without-${without}`), without),
      }).finally(() => (state.done = true));
      const seen = new Set<string>();
      while (!state.done) for (const line of await commandLines()) seen.add(line);
      const { code, stderr } = await preparing;
      assert.equal(code, 0, stderr);
      assert.ok([...seen].some((line) => /curl|wget/.test(line)));
      for (const line of [...seen, stderr]) assert.ok(!line.includes(key) && !line.includes('sig='), line);
      assert.ok(proxy.requests.every(({ headers }) => headers['x-functions-key'] === key));
    });
  }

  it("sends its key and a token of the node's managed identity: an app behind Entra wants both", async () => {
    const proxy = await proxied({});
    const asked: string[] = [];
    const imds = createServer((request, response) => {
      asked.push(`${request.headers.metadata?.toString() ?? ''} ${request.url ?? ''}`);
      response.end(JSON.stringify({ token_type: 'Bearer', access_token: 'ey.J0.x-y_z' }));
    }).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => imds.once('listening', resolve));
      const { code, stderr } = await prepare({
        TES_CACHE_URL: proxy.url,
        TES_CACHE_IMDS: `http://127.0.0.1:${(imds.address() as AddressInfo).port}`,
        TES_CACHE_AUDIENCE: 'api://cache',
        TES_CACHE_CLIENT_ID: 'client',
        TES_CACHE_KEY: 'the-function-key',
      });
      assert.equal(code, 0, stderr);
    } finally {
      imds.close();
    }
    assert.equal(asked.length, 1);
    assert.match(
      asked[0] ?? '',
      /^true \/metadata\/identity\/oauth2\/token\?.*resource=api:\/\/cache&client_id=client$/,
    );
    for (const { headers } of proxy.requests)
      assert.deepEqual(
        [headers.authorization, headers['x-functions-key']],
        ['Bearer ey.J0.x-y_z', 'the-function-key'],
      );
  });
});

async function commandLines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
}
