import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { RegistryClient } from '../../src/registry/client.ts';
import { parseReference } from '../../src/image/reference.ts';
import { type Registry, type RegistryOptions as ServerOptions, startRegistry } from '../support/registry.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import { requireTools } from '../support/tools.ts';
import { clientSettings } from './support/clientSettings.ts';
import { push, sampleImage } from './support/samples.ts';
import type { TestServer } from './support/server.ts';
import { startStorage } from './support/storage.ts';

const skip = requireTools('docker-registry', 'openssl', 'perl');
const image = sampleImage([3_000_000, 5, 70_000]);
const basicAuth = (host: string, user: string, password: string): Record<string, unknown> => ({
  [host]: { auth: Buffer.from(`${user}:${password}`).toString('base64') },
});

/** Pulls everything of the sample and compares it. */
async function pullAll(client: RegistryClient, reference: string): Promise<void> {
  const ref = parseReference(reference);
  const { digest } = await client.resolveManifest(ref);
  assert.equal(digest, image.manifestDigest);
  const fetched = await client.getManifest(ref, digest);
  assert.deepEqual(Buffer.from(fetched.bytes), image.manifest);
  assert.deepEqual(Buffer.from(await client.getBlob(ref, image.configDescriptor)), image.config);
  for (const [index, descriptor] of image.layerDescriptors.entries()) {
    const reader = await client.openBlob(ref, descriptor, { start: 0, end: descriptor.size });
    const middle = Math.floor(descriptor.size / 3);
    const bytes = [await buffer(reader.read(0, middle)), await buffer(reader.read(middle, descriptor.size))];
    reader.close();
    assert.ok(Buffer.concat(bytes).equals(image.layers[index] ?? Buffer.alloc(0)));
  }
}

describe('the distribution registry', { skip }, () => {
  const password = randomBytes(8).toString('hex');
  let registry: Registry;
  let client: RegistryClient;

  async function start(server: ServerOptions): Promise<void> {
    registry = await startRegistry(server);
    const { host } = new URL(registry.tokenServer?.realm ?? registry.url);
    client = new RegistryClient(clientSettings({ insecure: [registry.host, host] }));
    await push(registry, 'team/sample', '1', image);
    await registry.forgetRequests();
  }
  async function stop(): Promise<void> {
    await client.close();
    await registry.close();
  }

  describe('without authentication', () => {
    before(() => start({}));
    after(stop);

    it('gives every byte, and asks once for each thing', async () => {
      await pullAll(client, `${registry.host}/team/sample:1`);
      const requests = await registry.requests();
      assert.deepEqual(
        requests.map(({ method, path }) => `${method} ${path.replace(/^.*\/(manifests|blobs)\//, '$1 ')}`),
        [
          'HEAD manifests 1',
          `GET manifests ${image.manifestDigest}`,
          `GET blobs ${image.configDescriptor.digest}`,
          ...image.layerDescriptors.map(({ digest }) => `GET blobs ${digest}`),
        ],
      );
    });

    it('reads from the middle', async () => {
      const [layer] = image.layerDescriptors;
      assert.ok(layer !== undefined);
      const ref = parseReference(`${registry.host}/team/sample:1`);
      const reader = await client.openBlob(ref, layer, { start: 1_000_000, end: 1_000_100 });
      const bytes = await buffer(reader.read(1_000_000, 1_000_100));
      reader.close();
      assert.deepEqual(bytes, image.layers[0]?.subarray(1_000_000, 1_000_100));
    });

    it('names what is not there', async () => {
      for (const name of ['team/sample:2', 'team/nothing:1']) {
        await assert.rejects(client.resolveManifest(parseReference(`${registry.host}/${name}`)), {
          code: 'image_not_found',
        });
      }
    });
  });

  describe('with Basic (htpasswd)', () => {
    before(() => start({ htpasswd: { alice: password } }));
    after(stop);

    it('is refused without credentials, with what to do', async () => {
      await assert.rejects(client.resolveManifest(parseReference(`${registry.host}/team/sample:1`)), {
        code: 'registry_denied',
        message: /DOCKER_AUTH_CONFIG/,
      });
    });

    it('pulls with credentials', async () => {
      const { host } = registry;
      const own = new RegistryClient(
        clientSettings({ insecure: [host], auths: basicAuth(host, 'alice', password) }),
      );
      await pullAll(own, `${host}/team/sample:1`);
      await own.close();
    });
  });

  describe('with tokens', () => {
    before(() =>
      start({
        token: { users: { alice: password }, anonymousPull: (name) => name === 'team/sample' },
      }),
    );
    after(stop);

    it('pulls anonymously with one token for the whole image', async () => {
      await pullAll(client, `${registry.host}/team/sample:1`);
      assert.deepEqual(registry.tokenServer?.requests.map(({ scopes }) => scopes).flat(), [
        'repository:team/sample:pull',
      ]);
    });

    it('pulls a private repository with credentials only', async () => {
      const { host, tokenServer } = registry;
      await push(registry, 'team/private', '1', image);
      await assert.rejects(client.getManifest(parseReference(`${host}/team/private:1`)), {
        code: 'registry_denied',
      });
      const insecure = [host, new URL(tokenServer?.realm ?? '').host];
      const own = new RegistryClient(clientSettings({ insecure, auths: basicAuth(host, 'alice', password) }));
      await pullAll(own, `${host}/team/private:1`);
      await own.close();
    });
  });

  describe('with its blobs in storage elsewhere', () => {
    let directory: string;
    let storage: TestServer;
    before(async () => {
      directory = await temporaryDirectory('redirects');
      storage = await startStorage(directory);
      const config = {
        middleware: { storage: [{ name: 'redirect', options: { baseurl: storage.origin } }] },
      };
      registry = await startRegistry({ dataDirectory: directory, config });
      client = new RegistryClient(clientSettings({ insecure: [registry.host, storage.host] }));
      await push(registry, 'team/sample', '1', image);
      await registry.forgetRequests();
    });
    after(async () => {
      await stop();
      await storage.close();
      await removeDirectory(directory);
    });

    it('asks the registry once for a layer, and the storage for each range', async () => {
      const ref = parseReference(`${registry.host}/team/sample:1`);
      const [layer] = image.layerDescriptors;
      assert.ok(layer !== undefined);
      const reader = await client.openBlob(ref, layer, { start: 0, end: layer.size });
      assert.ok(reader.parallel);
      const starts = [0, 1_000_000, 2_000_000];
      const parts = await Promise.all(starts.map((start) => buffer(reader.read(start, start + 1_000_000))));
      reader.close();
      assert.ok(image.layers[0]?.equals(Buffer.concat(parts)));
      assert.deepEqual(
        (await registry.requests()).map(({ method, status }) => [method, status]),
        [['GET', 307]],
      );
      assert.equal(storage.seen.length, 3);
    });
  });
});
