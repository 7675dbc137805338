import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { GREETING, pushSmall } from '../support/images.ts';
import { must } from '../support/process.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { requireTools } from '../support/tools.ts';

const DEMO = fileURLToPath(new URL('../../local/demo.ts', import.meta.url));
const skip = requireTools('root', 'dockerd', 'docker', 'docker-registry', 'busybox', 'unshare');

describe('npm run demo, where a Docker daemon answers', { skip }, () => {
  let dockerd: Dockerd;
  let registry: Registry;
  before(async () => {
    dockerd = await startDockerd();
    registry = await startRegistry();
  });
  after(async () => {
    await registry.close();
    await dockerd.close();
  });
  const demo = (...image: string[]): Promise<string> => {
    const env = { DOCKER_HOST: `unix://${dockerd.socket}`, INSECURE_REGISTRIES: registry.host };
    return must([process.execPath, DEMO, ...image], { env });
  };

  it('loads and runs the sample, and leaves no image behind', async () => {
    assert.match(await demo(), /Hello from an image that came out of blob storage/);
    assert.equal((await dockerd.docker(['image', 'ls', '--quiet'])).stdout, '');
  });

  it('loads and runs an image of a real registry', async () => {
    const { reference, imageId } = await pushSmall(registry);
    assert.match(await demo(reference), new RegExp(GREETING));
    const ids = await dockerd.docker(['image', 'ls', '--quiet', '--no-trunc']);
    assert.equal(ids.stdout.trim(), imageId);
    assert.equal((await dockerd.docker(['ps', '--all', '--quiet'])).stdout, '');
  });
});
