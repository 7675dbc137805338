import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GREETING, pushSmall } from '../support/images.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import type { PushedImage } from '../support/push.ts';
import { pushImage } from '../support/push.ts';
import type { Registry } from '../support/registry.ts';
import { startRegistry } from '../support/registry.ts';
import { requireTools } from '../support/tools.ts';
import type { Node } from './support/node.ts';
import { NODE_TOOLS, pathWithout, startNode, SUITE_LIMIT } from './support/node.ts';
import type { TestService } from '../support/service.ts';
import { startTestService } from '../support/service.ts';

describe('tes-node prepare and run', { timeout: SUITE_LIMIT, skip: requireTools(...NODE_TOOLS) }, () => {
  let registry: Registry;
  let service: TestService;
  let node: Node;
  let small: PushedImage;

  before(async () => {
    registry = await startRegistry();
    small = await pushSmall(registry);
    service = await startTestService({ INSECURE_REGISTRIES: registry.host });
    node = await startNode(service.url);
  });
  after(async () => {
    await node.close();
    await service.close();
    await registry.close();
  });

  const runRef = (): string => `${registry.host}/team/small:sha256-${small.digest.slice('sha256:'.length)}`;

  it('has the service cache an image, loads it, tags it and prints its name alone', async () => {
    const { code, stdout, stderr } = await node.tesNode(['prepare', small.reference]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, `${runRef()}\n`);
    assert.equal(await node.docker('image', 'inspect', '-f', '{{.Id}}', small.reference), small.imageId);
  });

  for (const shell of [['dash'], ['bash', '--posix'], ['busybox', 'sh']]) {
    it(`downloads nothing the second time (${shell.join(' ')})`, async () => {
      const { code, stdout, stderr } = await node.tesNode(['prepare', small.reference], { shell });
      assert.equal(code, 0, stderr);
      assert.equal(stdout, `${runRef()}\n`);
      assert.match(stderr, /downloaded 0 bytes/);
    });

    it(`runs an image by its name (${shell.join(' ')})`, async () => {
      const out = await temporaryDirectory('out');
      const { code, stderr } = await node.tesNode(
        ['run', small.reference, 'sh', '-c', 'echo "$GREETING" >/out/greeting; exit 9'],
        { shell, env: { TES_NODE_RUN_OPTIONS: `--network=none --volume=${out}:/out` } },
      );
      assert.equal(code, 9, stderr);
      assert.equal(await readFile(path.join(out, 'greeting'), 'utf8'), `${GREETING}\n`);
      await removeDirectory(out);
    });
  }

  it('works with wget alone', async () => {
    await node.docker('rmi', runRef(), small.reference);
    const { code, stderr } = await node.tesNode(['prepare', small.reference], {
      env: { PATH: await pathWithout(path.join(node.root, 'bin'), 'curl') },
    });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /downloaded [1-9]/);
  });

  it('takes an image that is not cached from its registry, or refuses it, as it is told', async () => {
    const files = { 'data/new.txt': 'new\n' };
    const fresh = await pushImage(registry, { name: 'team/new', tag: '1', layers: [{ files }] });
    const refused = await node.tesNode(['prepare', fresh.reference], { env: { TES_CACHE_ON_MISS: 'fail' } });
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /error: \S+new:1 cannot be had: .*is not cached/);
    const pulled = await node.tesNode(['prepare', fresh.reference], { env: { TES_CACHE_ON_MISS: 'pull' } });
    assert.equal(pulled.code, 0, pulled.stderr);
    assert.equal(pulled.stdout, `${fresh.reference}\n`);
    // It is the script's own, and goes like any other.
    await node.tesNode(['clean']);
    assert.doesNotMatch(await node.docker('image', 'ls', '--format', '{{.Repository}}'), /team\/new/);
  });

  it('names an image that does not exist, and what to do', async () => {
    const missing = `${registry.host}/team/missing:1`;
    const { code, stdout, stderr } = await node.tesNode(['prepare', missing]);
    assert.equal(code, 3);
    assert.equal(stdout, '');
    assert.match(stderr, /error: \S+\/team\/missing:1 cannot be had: .*Check the name and the tag/);
  });

  it('takes a command of several words for docker', async () => {
    await node.tesNode(['clean']);
    const env = { TES_NODE_DOCKER: 'env A=b docker' };
    const run = await node.tesNode(['run', small.reference, 'sh', '-c', 'exit 7'], { env });
    assert.equal(run.code, 7, run.stderr);
    await node.docker('create', '--network=none', '--label=tes-node', '--volume=/x', small.reference);
    const clean = await node.tesNode(['clean'], { env });
    assert.doesNotMatch(clean.stderr, /warning/);
    assert.equal(await node.docker('image', 'ls', '--all', '--quiet'), '');
    assert.equal(await node.docker('ps', '--all', '--quiet'), '');
    assert.equal(await node.docker('volume', 'ls', '--quiet'), '');
  });
});
