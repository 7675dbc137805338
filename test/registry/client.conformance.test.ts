import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { CacheError } from '../../src/errors.ts';
import { entriesFor } from '../../src/image/choosePlatform.ts';
import { type Digest, matchesDigest, sha256Of } from '../../src/image/digest.ts';
import { parseImageConfig } from '../../src/image/imageConfig.ts';
import { parseManifest } from '../../src/image/manifest.ts';
import {
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../src/image/mediaTypes.ts';
import { parsePlatform } from '../../src/image/platform.ts';
import { type ImageReference, parseReference } from '../../src/image/reference.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { requireTools } from '../support/tools.ts';
import { clientSettings } from './support/clientSettings.ts';
import { DataSet, type JsonDescriptor } from './support/dataSet.ts';
import { QUICK } from './support/fakeRegistry.ts';
import { sendBytes, serve, type TestServer } from './support/server.ts';

interface Case {
  /** Fills a data set and says which document is asked for. */
  readonly build: (set: DataSet) => JsonDescriptor;
  /** Undefined: it is taken. */
  readonly refused?: RegExp;
  readonly platform?: string;
  /** Of the image that is to be chosen. */
  readonly layers?: number;
  /** What no distribution 2.8 would store, so that only our own server has it. */
  readonly notInDistribution?: true;
}

const EXAMPLE = 'application/vnd.example.thing.v1';
const amd64 = { platform: { os: 'linux', architecture: 'amd64' } };
const arm64 = { platform: { os: 'linux', architecture: 'arm64' } };
const artifact = { configType: OCI_EMPTY, config: {}, layers: 1, layerType: EXAMPLE };
const foreign = ['https://store.example.com/layer'];
const bothPlatforms = (set: DataSet, spec = {}): JsonDescriptor[] => [
  { ...set.image({ ...spec }), ...amd64 },
  { ...set.image({ ...spec, architecture: 'arm64' }), ...arm64 },
];

/** The data sets of https://github.com/opencontainers/distribution-spec/tree/main/conformance, by their names. */
const CONFORMANCE: Readonly<Record<string, Case>> = {
  image: { build: (set) => set.image() },
  'image uncompressed': {
    build: (set) => set.image({ layerType: 'application/vnd.oci.image.layer.v1.tar' }),
  },
  'large manifest': {
    build: (set) =>
      set.image({
        manifest: {
          annotations: Object.fromEntries(
            Array.from({ length: 390 }, (_, index) => [`large-${index}`, 'A'.repeat(10_000)]),
          ),
        },
      }),
  },
  index: { build: (set) => set.index(bothPlatforms(set)) },
  'nested index': {
    build: (set) => set.index([set.index(bothPlatforms(set)), set.index(bothPlatforms(set))]),
  },
  'empty index': { build: (set) => set.index([]), refused: /its index lists no image/ },
  artifact: {
    build: (set) => set.image({ ...artifact, manifest: { artifactType: EXAMPLE } }),
    refused: /OCI artifact of type application\/vnd\.example\.thing\.v1, not a container image/,
  },
  'artifact index': {
    build: (set) => set.index(bothPlatforms(set, artifact), { artifactType: EXAMPLE }),
    refused: /OCI artifact/,
  },
  'artifact without layers': {
    build: (set) => set.image({ ...artifact, layerType: OCI_EMPTY, layerBytes: Buffer.from('{}') }),
    refused: /OCI artifact without an image config/,
  },
  'image with a subject': {
    build: (set) => set.image({ manifest: { subject: set.image() } }),
  },
  'index with a subject': {
    build: (set) => set.index(bothPlatforms(set), { subject: set.image() }),
  },
  'missing subject': {
    build: (set) =>
      set.image({
        manifest: { subject: { mediaType: OCI_MANIFEST, size: 123, digest: sha256Of('missing content') } },
      }),
  },
  'data field': { build: (set) => set.image({ inline: true }) },
  'non-distributable layers': {
    build: (set) => set.image({ layerType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' }),
  },
  'custom fields': {
    build: (set) =>
      set.index(bothPlatforms(set, { manifest: { 'org.example': 'more' } }), { 'org.example': ['more'] }),
  },
  'no layers': { build: (set) => set.image({ layers: 0 }), layers: 0 },
  'empty blob': {
    build: (set) =>
      set.image({
        layers: 1,
        layerType: 'application/vnd.oci.image.layer.v1.tar',
        layerBytes: Buffer.alloc(0),
      }),
    layers: 1,
  },
  sha512: { build: (set) => set.image({ algorithm: 'sha512' }), notInDistribution: true },
  'sparse index': {
    build: (set) => {
      const missing = { mediaType: OCI_MANIFEST, size: 123, digest: sha256Of('not here') };
      return set.index([
        { ...missing, ...arm64 },
        { ...set.image(), ...amd64 },
      ]);
    },
    notInDistribution: true,
  },
};

/** Everything else that registries hold under a name. */
const KINDS: Readonly<Record<string, Case>> = {
  'Docker schema 2': {
    build: (set) =>
      set.image({
        manifestType: DOCKER_MANIFEST,
        configType: DOCKER_CONFIG,
        layerType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      }),
  },
  'a Docker manifest list': {
    build: (set) => {
      const docker = { manifestType: DOCKER_MANIFEST, configType: DOCKER_CONFIG };
      return set.index(bothPlatforms(set, docker), {}, DOCKER_MANIFEST_LIST);
    },
  },
  'schema 1': {
    build: (set) => set.document({ schemaVersion: 1, name: 'x', fsLayers: [], history: [] }, DOCKER_SCHEMA1),
    refused: /schema 1/,
    notInDistribution: true,
  },
  'schema 1, signed': {
    build: (set) => set.document({ schemaVersion: 1, fsLayers: [], signatures: [] }, DOCKER_SCHEMA1_SIGNED),
    refused: /schema 1/,
    notInDistribution: true,
  },
  'zstd layers': { build: (set) => set.image({ layerType: 'application/vnd.oci.image.layer.v1.tar+zstd' }) },
  'foreign layers that the registry has': {
    build: (set) => {
      const spec = { layerType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', layers: 1 };
      const layer = set.blob(spec.layerType, Buffer.from('a windows base layer'));
      return set.image({ ...spec, manifest: { layers: [{ ...layer, urls: foreign }] } });
    },
    layers: 1,
  },
  'foreign layers at a place that is not allowed': {
    build: (set) => {
      const digest = sha256Of('elsewhere');
      const layer = {
        ...{ mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', digest, size: 9 },
        urls: ['https://169.254.169.254/metadata', 'http://127.0.0.1/'],
      };
      return set.image({ layers: 1, manifest: { layers: [layer] } });
    },
    refused: /refused/,
  },
  'encrypted layers': {
    build: (set) => set.image({ layerType: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted' }),
    refused: /layer 1 is encrypted/,
  },
  'EROFS layers': {
    build: (set) => set.image({ layerType: 'application/vnd.erofs.layer.v1' }),
    refused: /application\/vnd\.erofs\.layer\.v1, which is not a container image's layer/,
  },
  'a nydus bootstrap': {
    build: (set) => set.image({ layerType: 'application/vnd.oci.image.layer.nydus.blob.v1' }),
    refused: /not a container image's layer/,
  },
  'eStargz layers, which are gzip': {
    build: (set) => set.image({ manifest: { annotations: { 'containerd.io/snapshot/stargz': 'yes' } } }),
  },
  'a Helm chart': {
    build: (set) => set.image({ ...artifact, configType: 'application/vnd.cncf.helm.config.v1+json' }),
    refused: /artifact of type application\/vnd\.cncf\.helm/,
  },
  'a WebAssembly module': {
    build: (set) => set.image({ ...artifact, configType: 'application/vnd.wasm.config.v0+json' }),
    refused: /artifact of type application\/vnd\.wasm/,
  },
  'an image beside its attestation': {
    build: (set) => {
      const attestation = {
        ...set.image({ os: 'unknown', architecture: 'unknown', layerType: 'application/vnd.in-toto+json' }),
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
      };
      return set.index([attestation, { ...set.image(), ...amd64 }]);
    },
  },
  'an attestation by itself': {
    build: (set) =>
      set.image({ os: 'unknown', architecture: 'unknown', layerType: 'application/vnd.in-toto+json' }),
    refused: /application\/vnd\.in-toto\+json, which is not a container image's layer/,
  },
  'a Windows image': {
    build: (set) =>
      set.index([
        { ...set.image({ os: 'windows' }), platform: { os: 'windows', architecture: 'amd64' } },
        { ...set.image(), ...amd64 },
      ]),
    platform: 'windows/amd64',
  },
  'an image for other platforms only': {
    build: (set) => set.index(bothPlatforms(set)),
    platform: 'linux/s390x',
    refused: /no image for linux\/s390x\. It has: linux\/amd64, linux\/arm64/,
  },
  'a Content-Type that contradicts the mediaType': {
    build: (set) => {
      const { digest } = set.image();
      const { bytes } = set.manifests.get(digest) ?? { bytes: Buffer.of() };
      return set.document(bytes, OCI_INDEX);
    },
    refused: /Content-Type .* contradicts its mediaType/,
    notInDistribution: true,
  },
  'a Content-Type that says nothing': {
    build: (set) => {
      const { digest } = set.image();
      return set.document(set.manifests.get(digest)?.bytes, 'application/octet-stream; charset=utf-8');
    },
    notInDistribution: true,
  },
  'an index and a manifest at once': {
    build: (set) => set.image({ manifest: { manifests: [] } }),
    refused: /ambiguous/,
    notInDistribution: true,
  },
  'a config without rootfs': {
    build: (set) => set.image({ config: { os: 'linux', architecture: 'amd64' } }),
    refused: /no rootfs/,
  },
  'a config with fewer layers than the manifest': {
    build: (set) =>
      set.image({ config: { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } } }),
    refused: /2 layers and its config 0/,
  },
  'a config that is too large': {
    build: (set) => set.image({ config: { os: 'linux', padding: 'x'.repeat(4 * 1024 * 1024) } }),
    refused: /config is larger than/,
  },
  'a manifest that is too large': {
    build: (set) => set.image({ manifest: { annotations: { padding: 'x'.repeat(4 * 1024 * 1024) } } }),
    refused: /manifest is larger than/,
    notInDistribution: true,
  },
  'more layers than anything runs': {
    build: (set) => set.image({ manifest: { layers: Array.from({ length: 1001 }, () => ({})) } }),
    refused: /1001 layers/,
    notInDistribution: true,
  },
  'an index in itself, endlessly': {
    build: (set) => {
      let entry = set.image();
      for (let depth = 0; depth < 9; depth += 1) entry = set.index([entry]);
      return entry;
    },
    refused: /nested too deep/,
  },
  'no JSON': {
    build: (set) => set.document(Buffer.from('<html>'), OCI_MANIFEST),
    refused: /is not JSON/,
    notInDistribution: true,
  },
};

/** Documents, platform, config, layers: what the cache does, without a cache. */
async function pullImage(client: RegistryClient, ref: ImageReference, platformText: string): Promise<number> {
  const platform = parsePlatform(platformText);
  const name = `${ref.registry}/${ref.repository}`;
  let digest: Digest | undefined = (await client.resolveManifest(ref)).digest;
  for (let depth = 0; depth <= 4; depth += 1) {
    const { bytes, mediaType } = await client.getManifest(ref, digest);
    const parsed = parseManifest(bytes, mediaType, name);
    if (parsed.kind === 'index') {
      digest = entriesFor(parsed, platform, name)[0].digest;
      continue;
    }
    const config = parseImageConfig(await client.getBlob(ref, parsed.config), parsed, name);
    assert.equal(config.platform?.os, platform.os);
    assert.equal(config.platform?.architecture, platform.architecture);
    for (const layer of parsed.layers) {
      const reader = await client.openBlob(ref, layer, { start: 0, end: layer.size });
      const content = await buffer(reader.read(0, layer.size));
      reader.close();
      assert.ok(matchesDigest(content, layer.digest));
    }
    return parsed.layers.length;
  }
  throw new CacheError('unsupported_image', `${name} cannot be cached: its indexes are nested too deep.`);
}

async function check(client: RegistryClient, ref: ImageReference, one: Case): Promise<void> {
  const pulled = pullImage(client, ref, one.platform ?? 'linux/amd64');
  if (one.refused === undefined) {
    assert.equal(await pulled, one.layers ?? 2);
    return;
  }
  await assert.rejects(pulled, (error: unknown) => {
    assert.ok(error instanceof CacheError, String(error));
    assert.match(error.message, one.refused ?? /./);
    assert.equal(
      error.code,
      one.refused?.source === 'refused' ? 'registry_not_allowed' : 'unsupported_image',
    );
    return true;
  });
}

for (const [suite, cases] of [
  ['the conformance data of the distribution specification', CONFORMANCE],
  ['every kind of document', KINDS],
] as const) {
  describe(`${suite}, from a server of our own`, () => {
    let server: TestServer;
    let client: RegistryClient;
    let set = new DataSet();
    before(async () => {
      server = await serve((request, response) => {
        const [, kind, name = ''] = /\/(manifests|blobs)\/([^/]+)$/.exec(request.url) ?? [];
        const manifest = set.manifests.get(name);
        const blob = set.blobs.get(name);
        if (kind === 'manifests' && manifest !== undefined) {
          const headers = { 'content-type': manifest.contentType, 'docker-content-digest': name };
          return sendBytes(request, response, manifest.bytes, headers);
        }
        return kind === 'blobs' && blob !== undefined
          ? sendBytes(request, response, blob)
          : response.writeHead(404).end();
      });
      client = new RegistryClient({
        ...clientSettings({ insecure: [server.host] }),
        timing: { ...QUICK, attempts: 2 },
      });
    });
    after(async () => {
      await client.close();
      await server.close();
    });
    for (const [name, one] of Object.entries(cases)) {
      it(`${one.refused === undefined ? 'takes' : 'refuses'}: ${name}`, async () => {
        set = new DataSet();
        const { digest } = one.build(set);
        await check(client, parseReference(`${server.host}/conformance/set@${digest}`), one);
      });
    }
  });

  describe(`${suite}, from the distribution registry`, { skip: requireTools('docker-registry') }, () => {
    let registry: Registry;
    let client: RegistryClient;
    before(async () => {
      registry = await startRegistry();
      client = new RegistryClient({
        ...clientSettings({ insecure: [registry.host] }),
        timing: { ...QUICK, attempts: 2 },
      });
    });
    after(async () => {
      await client.close();
      await registry.close();
    });
    for (const [name, one] of Object.entries(cases)) {
      if (one.notInDistribution === true) continue;
      it(`${one.refused === undefined ? 'takes' : 'refuses'}: ${name}`, async () => {
        const set = new DataSet();
        const { digest } = one.build(set);
        const repository = `set/${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
        await pushSet(registry, repository, set, digest);
        await check(client, parseReference(`${registry.host}/${repository}:tag`), one);
      });
    }
  });
}

/** Pushes every blob, every manifest by digest, and the one that is asked for under a tag. */
async function pushSet(registry: Registry, repository: string, set: DataSet, top: Digest): Promise<void> {
  const put = async (route: string, body: Buffer, contentType: string): Promise<void> => {
    const answer = await registry.fetch(route, {
      method: 'PUT',
      body,
      headers: { 'content-type': contentType },
    });
    const text = await answer.text();
    assert.equal(answer.status, 201, text);
  };
  for (const [digest, bytes] of set.blobs) {
    const upload = await registry.fetch(`/v2/${repository}/blobs/uploads/`, { method: 'POST' });
    await upload.body?.cancel();
    const { pathname, searchParams } = new URL(upload.headers.get('location') ?? '', registry.url);
    searchParams.set('digest', digest);
    await put(`${pathname}?${searchParams.toString()}`, bytes, 'application/octet-stream');
  }
  for (const [digest, { bytes, contentType }] of set.manifests) {
    await put(`/v2/${repository}/manifests/${digest}`, bytes, contentType);
    if (digest === top) await put(`/v2/${repository}/manifests/tag`, bytes, contentType);
  }
}
