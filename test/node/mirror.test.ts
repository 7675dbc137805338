import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Azurite, startAzurite } from '../../local/azurite.ts';
import { fetchChecked } from '../support/contract.ts';
import { GREETING, pushSmall } from '../support/images.ts';
import { sha256 } from '../support/layers.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import type { PushedImage } from '../support/push.ts';
import type { Registry } from '../support/registry.ts';
import { startRegistry } from '../support/registry.ts';
import type { TestService } from '../support/service.ts';
import { startTestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';
import { machine } from '../support/system.ts';
import { trixie } from '../support/trixie.ts';
import { isolate } from './support/isolated.ts';
import { storeAsFrom } from './support/storeImage.ts';
import { NODE_TOOLS, startNode, SUITE_LIMIT } from './support/node.ts';
import { type Proxy, startProxy } from './support/proxy.ts';

describe(
  'the app as a registry mirror',
  { timeout: SUITE_LIMIT, skip: requireTools(...NODE_TOOLS, 'ip') },
  () => {
    let folder: string;
    let azurite: Azurite;
    let registry: Registry;
    let service: TestService;
    let mirror: Proxy;
    let small: PushedImage;
    let hubName: string;

    before(async () => {
      folder = await temporaryDirectory('mirror');
      azurite = await startAzurite(path.join(folder, 'azurite'));
      registry = await startRegistry();
      small = await pushSmall(registry);
      service = await startTestService({
        INSECURE_REGISTRIES: registry.host,
        IMAGE_STORAGE: azurite.connectionString,
        REGISTRY_MIRROR: 'true',
      });
      hubName = await storeAsFrom('docker.io', azurite.connectionString, registry, small);
      await service.cache(small.reference);
      mirror = await startProxy(() => service.url);
    });
    after(async () => {
      await mirror.close();
      await service.close();
      await registry.close();
      await azurite.close();
      await removeDirectory(folder);
    });
    const asked = () => mirror.requests.map(({ method = '', url = '' }) => `${method} ${url}`);

    it('lets an unmodified `docker pull NAME@DIGEST` find what tes-node loaded, by one manifest', async () => {
      const node = await startNode(service.url, { registryMirrors: [mirror.url] });
      try {
        const { code, stderr } = await node.tesNode(['prepare', hubName]);
        assert.equal(code, 0, stderr);
        const before = mirror.requests.length;
        await node.docker('pull', hubName);
        const requests = asked().slice(before);
        assert.ok(requests.includes(`GET /v2/${small.name}/manifests/${small.digest}`), requests.join('\n'));
        assert.ok(!requests.some((request) => request.includes('/blobs/')), requests.join('\n'));
        assert.equal(await node.log(hubName), GREETING);
      } finally {
        await node.close();
      }
    });

    for (const store of ['classic', 'containerd'] as const) {
      it(`gives a daemon that reaches nothing else the whole image (${store} store)`, async (t) => {
        const isolated = await isolate(store === 'containerd' ? await trixie() : machine);
        t.after(() => isolated.close());
        const gate = await startProxy(() => service.url, { host: isolated.gateway });
        t.after(() => gate.close());
        const { system } = isolated;
        const host = new URL(gate.url).host;
        const node = await startNode(service.url, {
          ...{ system, store, registryMirrors: [gate.url], insecureRegistries: [host] },
        });
        t.after(() => node.close());
        await assert.rejects(node.docker('pull', small.reference), /connection refused|unreachable/);
        await node.docker('pull', hubName);
        assert.equal(await node.log(hubName), GREETING);

        // Of another registry, with the app written before the name.
        const other = await storeAsFrom('ghcr.io', azurite.connectionString, registry, small);
        await node.docker('pull', `${host}/${other}`);
        assert.equal(await node.log(`${host}/${other}`), GREETING);
      });
    }

    it("stands in for any registry by containerd's hosts.toml", async () => {
      const node = await startNode(service.url, { system: await trixie(), store: 'containerd' });
      try {
        const hosts = path.join(node.root, 'certs.d', registry.host.replace(':', '_') + '_');
        await mkdir(hosts, { recursive: true });
        const upstream = 'http://127.0.0.1:9';
        await writeFile(
          path.join(hosts, 'hosts.toml'),
          `server = "${upstream}"\n[host."${mirror.url}"]\n  capabilities = ["pull", "resolve"]\n`,
        );
        const before = mirror.requests.length;
        const pulled = await node.dockerd.containerd.ctr(
          ['images', 'pull', '--hosts-dir', path.join(node.root, 'certs.d'), small.reference],
          { files: [path.join(hosts, 'hosts.toml')] },
        );
        assert.equal(pulled.code, 0, pulled.stderr + pulled.stdout);
        assert.ok(
          asked()
            .slice(before)
            .some((request) => request.includes(`ns=${encodeURIComponent(registry.host)}`)),
        );
      } finally {
        await node.close();
      }
    });

    it('serves blobs byte by byte, whole and from an offset', async () => {
      for (const digest of [small.imageId, ...small.layers.map((layer) => layer.digest)]) {
        const url = `${service.url}/v2/${small.name}/blobs/${digest}`;
        const whole = Buffer.from(await (await fetchChecked(url)).arrayBuffer());
        assert.equal(sha256(whole), digest);
        const rest = await fetchChecked(url, { headers: { range: 'bytes=100-' } });
        assert.equal(rest.status, 206);
        assert.equal(rest.headers.get('content-range'), `bytes 100-${whole.length - 1}/${whole.length}`);
        assert.deepEqual(Buffer.from(await rest.arrayBuffer()), whole.subarray(100));
        const head = await fetchChecked(url, { method: 'HEAD' });
        assert.equal(head.headers.get('content-length'), String(whole.length));
      }
    });

    it('has nothing that is not cached, in the words of a registry', async () => {
      for (const route of [
        'team/none/manifests/1',
        `team/none/blobs/${sha256('')}`,
        'UPPER/manifests/1',
        '_catalog',
      ]) {
        const answer = await fetch(`${service.url}/v2/${route}`);
        assert.equal(answer.status, 404, route);
        const { errors } = (await answer.json()) as { errors: { code: string }[] };
        assert.match(errors[0]?.code ?? '', /^(MANIFEST_UNKNOWN|BLOB_UNKNOWN|NAME_INVALID|UNSUPPORTED)$/);
      }
    });

    it('is off unless the setting turns it on', async () => {
      const other = await startTestService({ IMAGE_STORAGE: azurite.connectionString });
      try {
        assert.equal((await fetch(`${other.url}/v2/`)).status, 404);
      } finally {
        await other.close();
      }
    });
  },
);
