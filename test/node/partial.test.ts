import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GREETING, smallImage } from '../support/images.ts';
import { makeLayer } from '../support/layers.ts';
import type { ImageSpec, PushedImage } from '../support/push.ts';
import { pushImage } from '../support/push.ts';
import type { Registry } from '../support/registry.ts';
import { startRegistry } from '../support/registry.ts';
import { requireTools } from '../support/tools.ts';
import { trixie } from '../support/trixie.ts';
import type { Node } from './support/node.ts';
import { NODE_TOOLS, startNode, SUITE_LIMIT } from './support/node.ts';
import type { TestService } from '../support/service.ts';
import { startTestService } from '../support/service.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

describe(
  'tes-node and layers that are there',
  { timeout: SUITE_LIMIT, skip: requireTools(...NODE_TOOLS, 'podman') },
  () => {
    let registry: Registry;
    let service: TestService;
    let base: PushedImage;
    let derived: PushedImage;
    let unrelated: PushedImage;

    before(async () => {
      registry = await startRegistry();
      const { layers: small } = await smallImage();
      const large = await makeLayer({ 'data/large': randomBytes(20 * MiB) });
      const top = await makeLayer({ 'data/top': randomBytes(2 * MiB) });
      const config = { Env: ['PATH=/bin'], Cmd: ['cat', '/data/greeting.txt'] };
      const push = (name: string, layers: ImageSpec['layers']) =>
        pushImage(registry, { name, tag: '1', layers, config });
      base = await push('team/base', [...small, large]);
      derived = await push('team/derived', [...small, large, top]);
      // Has the base's layers, but on another one: nothing of it can be left out.
      unrelated = await push('team/unrelated', [top, ...small, large]);
      service = await startTestService({ INSECURE_REGISTRIES: registry.host });
      for (const image of [base, derived, unrelated]) await service.cache(image.reference);
    });
    after(async () => {
      await service.close();
      await registry.close();
    });

    const prepare = async (node: Node, image: PushedImage, env: Readonly<Record<string, string>> = {}) => {
      const { code, stderr } = await node.tesNode(['prepare', image.reference], { env });
      assert.equal(code, 0, stderr);
      return { stderr, bytes: Number(/downloaded (\d+) bytes/.exec(stderr)?.[1]) };
    };
    const runs = async (node: Node, image: PushedImage) => {
      assert.equal(await node.log(image.reference), GREETING);
    };
    const topSize = (): number => derived.layers.at(-1)?.size ?? 0;

    it('asks only for the layers that are missing', async () => {
      const node = await startNode(service.url);
      try {
        const whole = await prepare(node, base);
        assert.ok(whole.bytes > 20 * MiB);
        const partial = await prepare(node, derived);
        assert.doesNotMatch(partial.stderr, /warning/);
        assert.match(partial.stderr, /4 of its 5 layers are on this node/);
        assert.ok(partial.bytes <= topSize() + 64 * KiB, `${partial.bytes} bytes for ${topSize()}`);
        await runs(node, derived);
        // Its layers are there, and yet none of them as the bottom of this one.
        const other = await prepare(node, unrelated);
        assert.doesNotMatch(other.stderr, /warning/);
        assert.ok(other.bytes > 22 * MiB);
        await runs(node, unrelated);
      } finally {
        await node.close();
      }
    });

    it('refuses a list of layers that is none', async () => {
      for (const body of [
        'layer',
        'sha256:short',
        `${base.layers[0]?.diffId ?? ''} $(x)`,
        'x'.repeat(300_000),
      ]) {
        const image = new URLSearchParams({ image: base.reference }).toString();
        const { status } = await service.request('POST', `/api/lookup?${image}`, body);
        assert.equal(status, 400);
      }
    });

    it("does so on containerd's store too", async () => {
      const node = await startNode(service.url, { system: await trixie(), store: 'containerd' });
      try {
        await prepare(node, base);
        const partial = await prepare(node, derived);
        assert.ok(partial.bytes <= topSize() + 64 * KiB, `${partial.bytes} bytes for ${topSize()}`);
        await runs(node, derived);
      } finally {
        await node.close();
      }
    });

    it('does so with podman', async () => {
      const node = await startNode(service.url);
      try {
        const env = await podman(node);
        await prepare(node, base, env);
        const partial = await prepare(node, derived, env);
        assert.ok(partial.bytes <= topSize() + 64 * KiB, `${partial.bytes} bytes for ${topSize()}`);
      } finally {
        await node.close();
      }
    });

    it('takes the whole archive where the store refuses a part of it', async () => {
      const node = await startNode(service.url);
      try {
        await prepare(node, base);
        // A docker that loads nothing but whole archives.
        const docker = path.join(node.root, 'docker-whole');
        const script = `#!/bin/sh
[ "$1" = load ] || exec docker "$@"
cat >"$0.tar" && [ "$(wc -c <"$0.tar")" -gt ${20 * MiB} ] && exec docker load --input "$0.tar"
echo 'refused' >&2; exit 1`;
        await writeFile(docker, script, { mode: 0o755 });
        const { stderr, bytes } = await prepare(node, derived, { TES_NODE_DOCKER: docker });
        assert.match(
          stderr,
          /warning: docker did not take the missing layers alone: refused\. Loading the whole/,
        );
        // The try that failed counts as well.
        assert.ok(bytes > 22 * MiB + topSize(), String(bytes));
        await runs(node, derived);
      } finally {
        await node.close();
      }
    });
  },
);

/** The settings for podman in place of docker, with its data in the node's folder. */
async function podman(node: Node): Promise<Record<string, string>> {
  const command = path.join(node.root, 'podman');
  const roots = `--root ${node.root}/storage --runroot ${node.root}/run --storage-driver vfs`;
  await writeFile(command, `#!/bin/sh\nexec podman ${roots} "$@"\n`, { mode: 0o755 });
  return { TES_NODE_DOCKER: command };
}
