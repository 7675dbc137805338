import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pushSmall } from '../support/images.ts';
import type { PushedImage } from '../support/push.ts';
import type { Registry } from '../support/registry.ts';
import { startRegistry } from '../support/registry.ts';
import type { TestService } from '../support/service.ts';
import { startTestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';
import type { Node } from './support/node.ts';
import { NODE_TOOLS, startNode, SUITE_LIMIT } from './support/node.ts';

describe('tes-node, many at once', { timeout: SUITE_LIMIT, skip: requireTools(...NODE_TOOLS) }, () => {
  let registry: Registry;
  let service: TestService;
  let nodes: Node[];
  let small: PushedImage;

  before(async () => {
    registry = await startRegistry();
    small = await pushSmall(registry);
    service = await startTestService({ INSECURE_REGISTRIES: registry.host });
    nodes = [await startNode(service.url), await startNode(service.url)];
  });
  after(async () => {
    for (const node of nodes) await node.close();
    await service.close();
    await registry.close();
  });

  it('gives an image that nobody has cached yet to 20 nodes, and pulls it once', async () => {
    await registry.forgetRequests();
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const node = nodes[index % nodes.length];
        assert.ok(node !== undefined);
        const env = { TES_NODE_STATE: path.join(node.root, `state-${index}`), TES_CACHE_WAIT: '300' };
        return await node.tesNode(['prepare', small.reference], { env });
      }),
    );
    for (const { code, stderr } of results) assert.equal(code, 0, stderr);
    assert.equal(new Set(results.map(({ stdout }) => stdout)).size, 1);
    const pulls = (await registry.requests()).filter(
      ({ method, path }) => method === 'GET' && path.startsWith('/v2/team/small/'),
    );
    for (const layer of small.layers) {
      assert.equal(pulls.filter(({ path }) => path.includes(layer.digest)).length, 1, layer.digest);
    }
  });

  it('lets two on one node take turns', async () => {
    const [node] = nodes;
    assert.ok(node !== undefined);
    const results = await Promise.all([1, 2, 3].map(() => node.tesNode(['prepare', small.reference])));
    for (const { code, stderr } of results) assert.equal(code, 0, stderr);
  });
});
