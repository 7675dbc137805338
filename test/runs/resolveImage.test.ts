import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { parseReference } from '../../src/image/reference.ts';
import { archiveName } from '../../src/store/archive/archiveNames.ts';
import { sendBytes } from '../registry/support/server.ts';
import { ARM64 } from './support/loopbackRegistry.ts';
import { resolve, type Rig, startRig } from './support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
  rig.registry.redirects = false;
});

const layer = (size: number): Buffer => randomBytes(size);

describe('resolving an image', () => {
  it('refuses one that is too large before a byte of a layer is pulled', async () => {
    const context = await rig.with({ MAX_IMAGE_BYTES: '20000' });
    const { image, layers } = rig.push({ layers: [layer(12_000), layer(12_000)] });
    await assert.rejects(resolve(context, image), {
      code: 'image_too_large',
      message: /archive of 3\d{4} bytes; this service takes up to 20000 \(setting MAX_IMAGE_BYTES\)/,
    });
    const pulled = rig.registry.asked('GET', 'blobs');
    assert.ok(layers.every(({ digest }) => !pulled.includes(digest)));
  });

  it('refuses a platform that it is not for, whether it has an index or not', async () => {
    const { image } = rig.push({ platform: ARM64 });
    await assert.rejects(resolve(rig.context, image), {
      code: 'unsupported_image',
      message: /does not run on linux\/amd64: it is for linux\/arm64/,
    });
    const arm64 = { ...rig.registry.push(undefined, { platform: ARM64 }), platform: ARM64 };
    rig.registry.pushIndex('team/arm:1', [arm64]);
    await assert.rejects(resolve(rig.context, rig.image('team/arm:1')), { code: 'unsupported_image' });
  });

  it('does not let one registry spoil a document for another with a wrong Content-Type', async () => {
    const context = await rig.with({});
    const { digest, manifest } = rig.registry.push('team/spoiled:1', { layers: [layer(10)] });
    const image = `${rig.image('team/spoiled')}@${digest}`;
    rig.registry.misbehave = (request, response) => {
      if (!request.url.includes('/manifests/')) return false;
      const type = 'application/vnd.docker.distribution.manifest.v1+json';
      sendBytes(request, response, manifest, { 'content-type': type });
      return true;
    };
    await assert.rejects(resolve(context, image), { code: 'unsupported_image' });
    rig.registry.misbehave = () => false;
    assert.equal((await resolve(context, image)).planned.blob, archiveName(parseReference(image), digest));
  });
});
