import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { must, run } from '../support/process.ts';
import type { PushedImage } from '../support/push.ts';
import { pushImage } from '../support/push.ts';
import type { Registry } from '../support/registry.ts';
import { startRegistry } from '../support/registry.ts';
import type { TestService } from '../support/service.ts';
import { startTestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';
import type { Node } from './support/node.ts';
import { NODE_TOOLS, SCRIPT, startNode, SUITE_LIMIT } from './support/node.ts';

const MiB = 1024 * 1024;
/** KILL_EVERY=1 takes every single point, in a few minutes. */
const STEP = Number(process.env.KILL_EVERY ?? '3');

describe('tes-node, killed', { timeout: SUITE_LIMIT, skip: requireTools(...NODE_TOOLS, 'setsid') }, () => {
  let registry: Registry;
  let service: TestService;
  let node: Node;
  let images: PushedImage[];
  let tools: string;

  before(async () => {
    registry = await startRegistry();
    const base = { files: { 'data/base': randomBytes(MiB) } };
    images = [];
    for (const name of ['one', 'two']) {
      const layers = [base, { files: { [name]: randomBytes(2 * MiB) } }, { files: { top: name } }];
      images.push(await pushImage(registry, { name: `team/${name}`, tag: '1', layers }));
    }
    service = await startTestService({ INSECURE_REGISTRIES: registry.host });
    for (const image of images) await service.cache(image.reference);
    node = await startNode(service.url);
    tools = path.join(node.root, 'tools');
    await mkdir(tools);
    for (const tool of ['docker', 'curl'])
      await writeFile(path.join(tools, tool), await killer(tool), { mode: 0o755 });
  });
  after(async () => {
    await node.close();
    await service.close();
    await registry.close();
  });

  /** The script, in a group of processes that ends with the call of docker or curl that has this number. */
  const killedAt = async (point: number, image: PushedImage): Promise<boolean> => {
    const env = {
      ...node.env,
      PATH: `${tools}:${process.env.PATH ?? ''}`,
      KILL_AT: String(point),
      CALLS: path.join(node.root, 'calls'),
    };
    await writeFile(env.CALLS, '');
    const script = 'echo $$ >"$CALLS.group"; exec dash "$0" prepare "$1"';
    await run(['setsid', '--wait', 'sh', '-c', script, SCRIPT, image.reference], { env });
    return (await readFile(env.CALLS, 'utf8')).length >= point;
  };

  it('in each of its steps, prepares the image when it is run again, and leaves no other', async () => {
    let killed = 0;
    for (let point = 1; ; point += STEP) {
      const image = images[point % 2];
      assert.ok(image !== undefined && point < 200);
      if (!(await killedAt(point, image))) break;
      killed++;
      const { code, stdout, stderr } = await node.tesNode(['prepare', image.reference]);
      assert.equal(code, 0, `killed at ${point}: ${stderr}`);
      const runRef = `${registry.host}/${image.name}:sha256-${image.digest.slice('sha256:'.length)}`;
      assert.equal(stdout, `${runRef}\n`);
      const names = await node.docker('image', 'ls', '--all', '--format', '{{.Repository}}:{{.Tag}}');
      assert.deepEqual(names.split('\n').sort(), [image.reference, runRef].sort(), `killed at ${point}`);
      const container = await node.docker('create', '--network=none', runRef, 'true');
      await node.docker('rm', container);
    }
    assert.ok(killed > 20 / STEP, `${killed} points`);
    const { code } = await node.tesNode(['clean']);
    assert.equal(code, 0);
    assert.equal(await node.docker('image', 'ls', '--all', '--quiet'), '');
    assert.equal(await must(['find', path.join(node.root, 'shared'), '-name', 'tmp.*']), '');
  });
});

/** A program that counts its calls and kills the whole group at one of them. */
async function killer(tool: string): Promise<string> {
  const real = (await must(['which', tool])).trim();
  return `#!/bin/sh
printf x >>"$CALLS"
[ "$(wc -c <"$CALLS")" -ne "$KILL_AT" ] || kill -KILL -- "-$(cat "$CALLS.group")"
exec ${real} "$@"
`;
}
