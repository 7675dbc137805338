import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { GREETING, smallImage } from '../support/images.ts';
import type { Compression, LayerBlob } from '../support/layers.ts';
import { makeLayer } from '../support/layers.ts';
import type { ImageSpec } from '../support/push.ts';
import { pushImage } from '../support/push.ts';
import type { Registry } from '../support/registry.ts';
import { startRegistry } from '../support/registry.ts';
import type { TestService } from '../support/service.ts';
import { startTestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';
import type { Node } from './support/node.ts';
import { NODE_TOOLS, startNode, SUITE_LIMIT } from './support/node.ts';

const MiB = 1024 * 1024;

/** A layer of random bytes under another type than it has. https://github.com/containers/image/issues/1270 */
async function mislabelled(is: Compression, isCalled: Compression): Promise<LayerBlob> {
  const layer = await makeLayer({ [`data/${is}`]: randomBytes(MiB) }, is);
  return { ...layer, compression: isCalled };
}

describe(
  'tes-node and layers that are not what they are called',
  { timeout: SUITE_LIMIT, skip: requireTools(...NODE_TOOLS) },
  () => {
    let registry: Registry;
    let service: TestService;
    let node: Node;
    let small: ImageSpec['layers'];

    before(async () => {
      registry = await startRegistry();
      ({ layers: small } = await smallImage());
      service = await startTestService({ INSECURE_REGISTRIES: registry.host });
      node = await startNode(service.url);
    });
    after(async () => {
      await node.close();
      await service.close();
      await registry.close();
    });

    const config = { Env: ['PATH=/bin'], Cmd: ['cat', '/data/greeting.txt'] };

    for (const format of ['oci', 'docker'] as const) {
      for (const [is, isCalled] of [
        ['none', 'gzip'],
        ['gzip', 'none'],
      ] as const) {
        it(`(${format}) are loaded at the first try: ${is} that is called ${isCalled}`, async () => {
          const bottom = await mislabelled(is, isCalled);
          const top = await mislabelled(is, isCalled);
          const name = `team/${format}-${is}`;
          const base = await pushImage(registry, {
            ...{ name, tag: 'base', format, config, layers: [...small, bottom] },
          });
          const image = await pushImage(registry, {
            ...{ name, tag: '1', format, config, layers: [...small, bottom, top] },
          });
          for (const [{ reference }, most] of [
            [base, 8 * MiB],
            // Its other layers are there.
            [image, 1.2 * MiB],
          ] as const) {
            await service.cache(reference);
            const { code, stderr } = await node.tesNode(['prepare', reference]);
            assert.equal(code, 0, stderr);
            assert.doesNotMatch(stderr, /warning|error/);
            const downloaded = Number(/downloaded (\d+) bytes/.exec(stderr)?.[1]);
            assert.ok(downloaded > MiB && downloaded < most, stderr);
          }
          assert.equal(await node.log(image.reference), GREETING);
        });
      }
    }
  },
);
