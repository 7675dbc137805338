import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type FakeRegistry, startFakeRegistry } from './support/fakeRegistry.ts';
import { sampleImage } from './support/samples.ts';

const image = sampleImage([1000]);

describe('resolveManifest', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await startFakeRegistry(image);
  });
  afterEach(() => registry.close());

  for (const status of [405, 403, 400]) {
    it(`fetches the manifest where HEAD is answered ${status}, and hands it on`, async () => {
      registry.misbehave = (request, response) => {
        if (request.method !== 'HEAD') return false;
        response.writeHead(status).end();
        return true;
      };
      const { digest, document } = await registry.client.resolveManifest(registry.ref());
      assert.equal(digest, image.manifestDigest);
      assert.deepEqual(Buffer.from(document?.bytes ?? []), image.manifest);
    });
  }
  it('fetches the manifest where HEAD names no digest', async () => {
    registry.misbehave = (request, response) => {
      if (request.method !== 'HEAD') return false;
      response.writeHead(200, { 'docker-content-digest': 'sha256:short' }).end();
      return true;
    };
    assert.equal((await registry.client.resolveManifest(registry.ref())).digest, image.manifestDigest);
  });
  it("quotes the registry's reason, which only GET has", async () => {
    registry.misbehave = (request, response) => {
      response.writeHead(403);
      response.end(
        request.method === 'HEAD' ? '' : '{"errors":[{"code":"DENIED","message":"ask the owner\\u0007"}]}',
      );
      return true;
    };
    await assert.rejects(registry.client.resolveManifest(registry.ref()), {
      code: 'registry_denied',
      message: /"DENIED: ask the owner ".*DOCKER_AUTH_CONFIG/,
    });
  });
});

describe('getManifest', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await startFakeRegistry(image);
  });
  afterEach(() => registry.close());

  it('refuses other bytes than the digest names', async () => {
    const other = sampleImage([10]).manifestDigest;
    await assert.rejects(registry.client.getManifest(registry.ref(), other), { code: 'digest_mismatch' });
  });
  it('takes the bytes of a tag whatever digest the header claims', async () => {
    registry.misbehave = (request, response) => {
      if (!request.url.includes('manifests')) return false;
      response.writeHead(200, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }).end(image.manifest);
      return true;
    };
    assert.equal((await registry.client.getManifest(registry.ref())).digest, image.manifestDigest);
    assert.equal(registry.seen.length, 2, 'asked twice: damage would not be the same');
  });
  for (const [what, headers] of [
    ['that its header tells', { 'docker-content-digest': image.manifestDigest }],
    ['that only its form tells', {}],
  ] as const) {
    it(`does not take a tag's damaged manifest for another image: damage ${what}`, async () => {
      let damaged = 0;
      registry.misbehave = (_request, response) => {
        if (damaged++ === 2) return false;
        const bytes = Buffer.from(image.manifest);
        bytes[damaged] = 0;
        response.writeHead(200, headers).end(bytes);
        return true;
      };
      assert.equal((await registry.client.getManifest(registry.ref())).digest, image.manifestDigest);
    });
  }
  it('does not take an empty answer for a manifest, however often it comes', async () => {
    registry.misbehave = (_request, response) => {
      response.writeHead(200).end();
      return true;
    };
    await assert.rejects(registry.client.getManifest(registry.ref()), { code: 'registry_unavailable' });
  });
  it('says so where a timeout of the caller ends it', async () => {
    registry.misbehave = () => true;
    const soon = AbortSignal.timeout(50);
    await assert.rejects(registry.client.resolveManifest(registry.ref(), soon), {
      code: 'registry_unavailable',
      message: /did not answer in time/,
    });
  });
  it('stops at 4 MiB', async () => {
    let sent = 0;
    registry.misbehave = (_request, response) => {
      const write = (): void => {
        while (!response.destroyed && sent < 64 * 1024 * 1024) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536, 32))) {
            response.once('drain', write);
            return;
          }
        }
        response.end();
      };
      write();
      return true;
    };
    await assert.rejects(registry.client.getManifest(registry.ref()), {
      code: 'unsupported_image',
      message: /larger than 4194304 bytes/,
    });
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes were sent`);
  });
  it('does not wait for a manifest that drips', async () => {
    registry.misbehave = (_request, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
      return true;
    };
    await assert.rejects(registry.client.getManifest(registry.ref()), { code: 'registry_unavailable' });
  });
  it('stops when the caller stops', async () => {
    const abort = new AbortController();
    registry.misbehave = () => {
      abort.abort(new Error('enough'));
      return true;
    };
    await assert.rejects(registry.client.getManifest(registry.ref(), undefined, abort.signal), {
      message: 'enough',
    });
  });
});
