import assert from 'node:assert/strict';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { pushSmall } from '../support/images.ts';
import { must } from '../support/process.ts';
import type { PushedImage } from '../support/push.ts';
import { pushImage } from '../support/push.ts';
import type { Registry } from '../support/registry.ts';
import { startRegistry } from '../support/registry.ts';
import { requireTools } from '../support/tools.ts';
import type { Node } from './support/node.ts';
import { NODE_TOOLS, SCRIPT, startNode, SUITE_LIMIT } from './support/node.ts';
import type { TestService } from '../support/service.ts';
import { startTestService } from '../support/service.ts';

describe('tes-node clean', { timeout: SUITE_LIMIT, skip: requireTools(...NODE_TOOLS) }, () => {
  let registry: Registry;
  let service: TestService;
  let node: Node;
  let first: PushedImage;
  let second: PushedImage;

  before(async () => {
    registry = await startRegistry();
    first = await pushSmall(registry);
    second = await pushImage(registry, {
      name: 'team/other',
      tag: '1',
      layers: [{ files: { 'data/other.txt': 'other\n' } }],
    });
    service = await startTestService({ INSECURE_REGISTRIES: registry.host });
  });
  after(async () => {
    await service.close();
    await registry.close();
  });
  beforeEach(async () => {
    node = await startNode(service.url);
  });
  afterEach(() => node.close());

  const clean = async (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) => {
    const { code, stderr, stdout } = await node.tesNode(['clean', ...args], { env });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, '');
    return stderr;
  };
  const prepare = async (...images: readonly string[]) => {
    const { code, stderr } = await node.tesNode(['prepare', ...images]);
    assert.equal(code, 0, stderr);
    return stderr;
  };
  const lines = async (...args: string[]) => (await node.docker(...args)).split('\n').filter(Boolean).sort();
  const images = () => lines('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}');
  const containers = () => lines('ps', '--all', '--format', '{{.Names}}');
  const volumes = () => lines('volume', 'ls', '--quiet');
  const runRef = (image: PushedImage): string =>
    `${registry.host}/${image.name}:sha256-${image.digest.slice('sha256:'.length)}`;
  const create = (...args: string[]) => node.docker('create', '--network=none', ...args);

  it('removes its own containers and volumes from among those of a customer', async () => {
    await prepare(first.reference);
    await node.docker('tag', first.reference, 'customer/tool:1');
    const image = 'customer/tool:1';
    await node.docker('run', '--detach', '--network=none', '--name=customer-runs', image, 'sleep', '600');
    await create('--name=customer-stopped', '--volume=/attached', image);
    await create('--name=customer-other-label', '--label=tes-node-like=1', image);
    await node.docker(
      'run',
      '--detach',
      '--network=none',
      '--label=tes-node',
      '--name=leaked',
      image,
      'sleep',
      '600',
    );
    await create('--name=leaked-stopped', '--label=tes-node', '--volume=/scratch', image);
    const attached = await volumes();
    assert.equal(attached.length, 2);
    await node.docker('volume', 'create', 'customer-data');
    await node.docker('volume', 'create', '--label=tes-node', 'runner-data');
    const anonymous = await node.docker('volume', 'create');

    assert.equal((await containers()).length, 5);
    assert.equal((await volumes()).length, 5);
    const stderr = await clean(['--next', first.reference]);
    assert.doesNotMatch(stderr, /warning/);
    assert.deepEqual(await containers(), ['customer-other-label', 'customer-runs', 'customer-stopped']);
    const left = await volumes();
    assert.ok(!left.includes(anonymous));
    assert.equal(left.length, 2);
    assert.ok(left.includes('customer-data') && attached.some((volume) => left.includes(volume)));
    assert.ok((await images()).includes(image));
  });

  it('removes the previous image, and keeps it where it is the next one', async () => {
    await prepare(first.reference);
    await clean(['--next', first.reference]);
    assert.deepEqual(await images(), [first.reference, runRef(first)].sort());
    await clean(['--next', second.reference]);
    assert.deepEqual(await images(), []);
    await prepare(second.reference);
    await clean();
    assert.deepEqual(await lines('image', 'ls', '--all', '--quiet'), []);
  });

  it('keeps images that it did not bring, under names that others gave', async () => {
    await node.docker('pull', first.reference);
    await node.docker('tag', first.reference, 'customer/tool:1');
    await prepare(first.reference);
    await prepare(second.reference);
    await node.docker('tag', second.reference, 'customer/other:1');
    await clean();
    const left = await images();
    assert.ok(left.includes('customer/tool:1') && left.includes('customer/other:1'), left.join(' '));
    assert.ok(!left.includes(runRef(first)) && !left.includes(runRef(second)), left.join(' '));
  });

  it('keeps the only name of an image that was there before', async () => {
    await node.docker('pull', first.reference);
    await node.docker('tag', first.reference, runRef(first));
    await node.docker('rmi', first.reference);
    await prepare(`${registry.host}/team/small@${first.digest}`);
    await clean();
    assert.deepEqual(await images(), [runRef(first)]);
  });

  it('changes the image when the next one is prepared, and remembers exactly that one', async () => {
    await prepare(first.reference, second.reference);
    assert.equal((await images()).length, 4);
    await prepare(second.reference);
    assert.deepEqual(await images(), [second.reference, runRef(second)].sort());
  });

  it('minds neither an image that is gone nor one that is in use', async () => {
    await prepare(first.reference, second.reference);
    await node.docker('rmi', second.reference, runRef(second));
    await create('--name=customer', first.reference);
    const stderr = await clean();
    assert.match(stderr, /warning: image \S+ stays/);
    assert.equal(await node.docker('inspect', '-f', '{{.Image}}', 'customer'), first.imageId);
    await node.docker('rm', 'customer');
    await clean();
    assert.deepEqual(await images(), []);
  });

  it('removes every task folder but the current one, and nothing through a link', async () => {
    const outside = path.join(node.root, 'outside');
    const jobs = path.join(node.root, 'workitems');
    const current = path.join(jobs, 'job', 'job-1', 'x-1');
    for (const folder of [
      current,
      ...[
        'job/job-1/x-10',
        'job/job-1/x',
        'job/job-10/x-1',
        'job2/job-1/x-1',
        'jo/job-1/x-1',
        '.hidden/job-1/t',
      ].map((name) => path.join(jobs, name)),
      outside,
    ]) {
      await mkdir(path.join(folder, 'wd'), { recursive: true });
      await writeFile(path.join(folder, 'wd', 'file'), 'content');
    }
    await symlink(outside, path.join(jobs, 'job', 'job-1', 'linked'));
    await symlink(outside, path.join(jobs, 'job', 'job-1', 'x-10', 'wd', 'linked'));
    await symlink(path.join(node.root, 'nowhere'), path.join(jobs, 'broken'));
    const stderr = await clean([], { AZ_BATCH_TASK_DIR: current });
    assert.doesNotMatch(stderr, /warning/);
    const left = (await readdir(node.root, { recursive: true })).filter((name) => !name.startsWith('shared'));
    assert.deepEqual(left.sort(), [
      ...['outside', 'outside/wd', 'outside/wd/file', 'workitems', 'workitems/job', 'workitems/job/job-1'],
      ...['workitems/job/job-1/x-1', 'workitems/job/job-1/x-1/wd', 'workitems/job/job-1/x-1/wd/file'],
    ]);
  });

  it('leaves task folders alone where it cannot tell which is the current one', async () => {
    const folder = path.join(node.root, 'workitems', 'job', 'job-1', 'x-1');
    await mkdir(folder, { recursive: true });
    const others = [
      undefined,
      path.join(node.root, 'startup'),
      `${node.root}/workitems/job/x`,
      '/',
      `${folder}/..`,
    ];
    for (const current of others) {
      await clean([], current === undefined ? {} : { AZ_BATCH_TASK_DIR: current });
      assert.deepEqual(await readdir(path.dirname(folder)), ['x-1'], current);
    }
  });

  it('follows no link on the way to the current task, and enters no mount', async () => {
    const elsewhere = path.join(node.root, 'elsewhere');
    const victim = path.join(elsewhere, 'job', 'job-1', 'x-2');
    await mkdir(victim, { recursive: true });
    await mkdir(path.join(elsewhere, 'job', 'job-1', 'x-1'));
    await symlink(elsewhere, path.join(node.root, 'workitems'));
    const current = path.join(node.root, 'workitems', 'job', 'job-1', 'x-1');
    assert.match(await clean([], { AZ_BATCH_TASK_DIR: current }), /is not a plain folder/);
    assert.deepEqual(await readdir(path.dirname(victim)), ['x-1', 'x-2']);

    await must(['rm', path.join(node.root, 'workitems')]);
    const mount = path.join(node.root, 'workitems', 'job', 'job-1', 'x-2', 'mnt');
    await mkdir(mount, { recursive: true });
    await mkdir(current);
    // In a mount namespace of its own, so that the machine keeps no mount.
    const script = `mount --bind ${elsewhere} ${mount} && exec dash "$0" clean`;
    await must(['unshare', '--mount', 'sh', '-c', script, SCRIPT], {
      env: { ...node.env, AZ_BATCH_TASK_DIR: current },
    });
    assert.deepEqual(await readdir(path.dirname(victim)), ['x-1', 'x-2']);
  });

  it('warns and lets the task start where docker, or its own folder, cannot be used', async () => {
    const stderr = await clean([], { DOCKER_HOST: 'unix:///nowhere' });
    assert.match(stderr, /warning: docker does not answer/);
    const file = path.join(node.root, 'file');
    await writeFile(file, '');
    assert.match(await clean([], { TES_NODE_STATE: `${file}/state` }), /warning: the folder/);
  });
});
