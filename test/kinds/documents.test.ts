import assert from 'node:assert/strict';
import { dropHints } from '../runs/support/rig.ts';
import { findImage } from '../../src/catalog/findImage.ts';
import type { Json } from './support/caseRegistry.ts';
import { type Case, runKind, type Seen } from './support/kinds.ts';

const MOBY_TYPES = 'https://github.com/moby/moby/blob/v28.5.2/distribution/registry.go';
const GO = 'https://pkg.go.dev/encoding/json#Unmarshal';
const CONFIG = 'https://github.com/opencontainers/image-spec/blob/main/config.md#properties';
const MANIFEST = 'https://github.com/opencontainers/image-spec/blob/main/manifest.md';
const GUIDANCE = `${MANIFEST}#guidelines-for-artifact-usage`;

const text = (document: Json): string => JSON.stringify(document);
const first = (document: Json): Json => (document.layers as Json[])[0] ?? {};
const descriptor = (document: Json): Json => document.config as Json;
const refused = (detail: RegExp) => ({ code: 'unsupported_image', detail, retryable: false }) as const;

/** Refused before any layer is pulled: of blobs, the config at most. */
const noLayer = ({ requests }: Seen): void => {
  assert.ok(requests.filter(({ url }) => url.includes('/blobs/')).length <= 1, 'a layer was pulled');
};

/** An image whose manifest is bent. */
function bentManifest(
  input: string,
  bend: (manifest: Json) => Json | Buffer,
  right: Case['right'],
  why: string,
  source = MANIFEST,
  type?: string,
): Case {
  return {
    input,
    why,
    source,
    serve: (registry, repository) =>
      registry.add(repository, '1', { manifest: bend, ...(type !== undefined && { type }) }),
    right,
    ...(right !== 'ready' && { check: noLayer }),
  };
}

/** An image whose config is bent. */
function bentConfig(
  input: string,
  bend: (config: Json) => Json | Buffer,
  right: Case['right'],
  why: string,
  source = CONFIG,
): Case {
  return {
    input,
    why,
    source,
    serve: (registry, repository) => registry.add(repository, '1', { config: bend }),
    right,
    ...(right !== 'ready' && { check: noLayer }),
  };
}

runKind('what is not set, written out', [
  ...[null, ''].map((mediaType) =>
    bentManifest(
      `mediaType ${text({ mediaType })}`,
      (manifest) => ({ ...manifest, mediaType }),
      'ready',
      'serialisers write unset members out',
      'https://github.com/gitpod-io/gitpod/issues/3397',
    ),
  ),
  bentManifest(
    'no mediaType and no type on the config',
    (m) => ({ ...m, mediaType: undefined, config: { ...descriptor(m), mediaType: null } }),
    'ready',
    'the config itself tells',
    'https://github.com/bazel-contrib/rules_img/issues/186',
  ),
  bentManifest(
    'no schemaVersion',
    (m) => ({ ...m, schemaVersion: undefined }),
    'ready',
    'all readers take it',
  ),
  bentManifest('schemaVersion null', (m) => ({ ...m, schemaVersion: null }), 'ready', 'null is absent', GO),
  bentManifest('schemaVersion 3', (m) => ({ ...m, schemaVersion: 3 }), refused(/schemaVersion/), 'unknown'),
  bentManifest(
    'annotations, urls and data null',
    (m) => ({
      ...m,
      annotations: null,
      layers: [{ ...first(m), urls: null, annotations: null, data: null }],
    }),
    'ready',
    'null is absent',
    GO,
  ),
  bentManifest(
    'a layer without a type',
    (m) => ({ ...m, layers: [{ ...first(m), mediaType: '' }] }),
    refused(/layer 1 has no mediaType/),
    'skopeo and containerd do not take it',
  ),
  ...[null, undefined, []].map((layers): Case => ({
    input: `layers ${layers === undefined ? 'absent' : JSON.stringify(layers)} and no diff_ids`,
    why: 'an image without layers',
    source: 'https://github.com/moby/moby/issues/27568',
    serve: (registry, repository) =>
      registry.add(repository, '1', {
        config: (config) => ({ ...config, rootfs: { type: 'layers', diff_ids: layers } }),
        manifest: (manifest) => ({ ...manifest, layers }),
      }),
    right: 'ready',
  })),
  bentManifest(
    'layers null where the config has one',
    (m) => ({ ...m, layers: null }),
    refused(/0 layers and its config 1/),
    'no reader loads it',
  ),
]);

runKind('config types of the first years, and artifacts', [
  ...['application/octet-stream', 'text/html', 'text/plain', 'application/json', ''].map((mediaType) =>
    bentManifest(
      `a config of type "${mediaType}"`,
      (m) => ({ ...m, config: { ...descriptor(m), mediaType } }),
      'ready',
      'Docker and old registries wrote it, and the config is one',
      mediaType === 'application/octet-stream' ? 'https://github.com/moby/moby/issues/48361' : MOBY_TYPES,
    ),
  ),
  ...[
    'application/vnd.cncf.helm.config.v1+json',
    'application/vnd.wasm.config.v0+json',
    'application/vnd.docker.plugin.v1+json',
    'application/vnd.unknown.config.v1+json',
  ].map((mediaType) =>
    bentManifest(
      `an artifact of type ${mediaType}`,
      (m) => ({ ...m, config: { ...descriptor(m), mediaType } }),
      refused(new RegExp(`artifact of type ${mediaType.replace(/[.+]/g, '\\$&')}`)),
      'no container image',
      GUIDANCE,
    ),
  ),
  bentManifest(
    'an artifact of an old type that says what it is',
    (m) => ({
      ...m,
      artifactType: 'application/spdx+json',
      config: { ...descriptor(m), mediaType: 'application/octet-stream' },
    }),
    refused(/artifact of type application\/spdx\+json/),
    'its artifactType tells',
    GUIDANCE,
  ),
  bentManifest(
    'a cosign signature',
    (m) => ({
      ...m,
      layers: [{ ...first(m), mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json' }],
    }),
    refused(/simplesigning.* not a container image's layer/),
    'its config is typed as an image’s; its layer is no tar',
    'https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md',
  ),
  {
    input: 'an artifact of an old config type whose config is none',
    why: 'only the config tells, which is read before any layer',
    source: GUIDANCE,
    serve: (registry, repository) =>
      registry.add(repository, '1', {
        config: () => ({ name: repository }),
        manifest: (m) => ({ ...m, config: { ...descriptor(m), mediaType: 'application/octet-stream' } }),
      }),
    right: refused(/application\/octet-stream.* no rootfs: it is an artifact/),
    check: noLayer,
  },
]);

const bytes = (change: (text: string) => string) => (document: Json) =>
  Buffer.from(change(text(document)), 'latin1');

runKind('text as Go reads it', [
  bentConfig(
    'a Latin-1 byte',
    bytes((t) => t.replace('{', '{"author":"Jos\xe9",')),
    'ready',
    'Go replaces it',
    GO,
  ),
  bentConfig(
    'a lone surrogate',
    bytes((t) => t.replace('{', '{"author":"\\ud800",')),
    'ready',
    'Go replaces it',
    GO,
  ),
  bentConfig(
    'a byte order mark',
    bytes((t) => `\xef\xbb\xbf${t}`),
    refused(/byte order mark/),
    'docker load says: invalid character',
    GO,
  ),
  bentManifest(
    'a manifest with a byte order mark',
    bytes((t) => `\xef\xbb\xbf${t}`),
    refused(/byte order mark/),
    'nothing loads it',
    GO,
  ),
  bentConfig(
    'garbage behind it',
    bytes((t) => `${t}x`),
    refused(/not JSON/),
    'Go refuses it',
    GO,
  ),
  bentConfig(
    'names in another case',
    ({ os, architecture, rootfs }) => ({
      OS: os,
      Architecture: architecture,
      RootFS: { Type: 'layers', Diff_IDs: (rootfs as Json).diff_ids },
    }),
    'ready',
    'Go takes any case',
    GO,
  ),
  bentManifest(
    'names of a manifest in another case',
    (m) => ({
      SchemaVersion: 2,
      MediaType: m.mediaType,
      Config: m.config,
      Layers: [{ MediaType: first(m).mediaType, Digest: first(m).digest, Size: first(m).size }],
    }),
    'ready',
    'Go takes any case',
    GO,
  ),
  bentConfig(
    'os twice',
    bytes((t) => t.replace('{', '{"os":"windows",')),
    'ready',
    'the last one counts',
    GO,
  ),
  bentManifest(
    'a size of 1e3',
    bytes((t) => t.replace(/"size":\d+/, '"size":1e3')),
    refused(/no valid size/),
    'Go takes it for no integer',
    GO,
  ),
  bentManifest(
    'schemaVersion 2.0',
    bytes((t) => t.replace('"schemaVersion":2', '"schemaVersion":2.0')),
    refused(/schemaVersion/),
    'Go takes it for no integer',
    GO,
  ),
  bentConfig(
    'too many members',
    bytes((t) => t.replace('{', `{"x":[${'{},'.repeat(300_000)}0],`)),
    refused(/more than 250000 members/),
    'reading it would cost the service',
    GO,
  ),
]);

runKind('configs that nothing can load', [
  bentConfig(
    'no rootfs',
    (c) => ({ ...c, rootfs: undefined }),
    refused(/no rootfs/),
    'docker load: no RootFS key',
  ),
  bentConfig(
    'created is no time',
    (c) => ({ ...c, created: 'yesterday' }),
    refused(/created in its config/),
    'parsing time',
  ),
  bentConfig(
    'created ""',
    (c) => ({ ...c, created: '' }),
    refused(/created in its config/),
    'Go parses no empty time',
  ),
  bentConfig(
    'created null, and year 1',
    (c) => ({ ...c, created: null, history: [{ created: '0001-01-01T00:00:00Z', empty_layer: true }] }),
    'ready',
    'Go takes both',
  ),
  bentConfig(
    'Env is a text',
    (c) => ({ ...c, config: { Env: 'A=1' } }),
    refused(/config\.Env/),
    'cannot unmarshal',
  ),
  bentConfig(
    'a label is a number',
    (c) => ({ ...c, config: { Labels: { a: 1 } } }),
    refused(/config\.Labels/),
    'cannot unmarshal',
  ),
  bentConfig(
    'a command that is one text',
    (c) => ({ ...c, config: { Cmd: 'sh' } }),
    'ready',
    'Docker takes it',
  ),
  bentConfig(
    'members null',
    (c) => ({ ...c, config: { Env: null, Cmd: null, Labels: null, Volumes: null }, history: null }),
    'ready',
    'null is absent',
    GO,
  ),
]);

const SCHEMA1 = { schemaVersion: 1, name: 'a', tag: '1', fsLayers: [], history: [] };

runKind('a document is what its bytes say', [
  ...['', 'text/plain', 'application/json', 'application/octet-stream'].map((type) =>
    bentManifest(`Content-Type "${type}"`, (m) => m, 'ready', 'labels do not matter', MANIFEST, type),
  ),
  bentManifest(
    'an OCI manifest that is labelled as Docker’s',
    (m) => m,
    'ready',
    'containerd, skopeo and crane take it',
    MANIFEST,
    'application/vnd.docker.distribution.manifest.v2+json',
  ),
  bentManifest(
    'a manifest that is labelled as an index',
    (m) => m,
    refused(/contradicts/),
    'Docker and containerd refuse it',
    'https://github.com/advisories/GHSA-77vh-xpmg-72qh',
    'application/vnd.oci.image.index.v1+json',
  ),
  bentManifest(
    'manifests and layers at once',
    (m) => ({ ...m, manifests: [m.config] }),
    refused(/ambiguous/),
    'two readers would see two images',
    'https://github.com/advisories/GHSA-77vh-xpmg-72qh',
  ),
  {
    input: 'schema 1 that no type tells',
    why: 'it is called by its name',
    source: 'https://github.com/distribution/distribution/issues/3718',
    serve: (registry, repository) =>
      void registry.put(SCHEMA1, { tag: `${repository}:1`, type: 'application/json' }),
    right: refused(/schema 1/),
  },
  bentManifest(
    'a layer of another size than before',
    (m) => ({ ...m, layers: [first(m), { ...first(m), size: 1 }] }),
    refused(/another size/),
    'one blob has one size',
  ),
  {
    input: 'zstd layers',
    why: 'Docker 20.10 cannot load them, and the archive says so for ever',
    source: 'https://github.com/moby/moby/pull/41759',
    serve: (registry, repository) => registry.add(repository, '1', { compression: 'zstd' }),
    right: 'ready',
    check: async ({ context, request, cached }) => {
      assert.equal(cached?.compression, 'zstd');
      await dropHints(context.storage);
      const found = await findImage(context.storage, request.ref, request.platform);
      assert.equal(found?.compression, 'zstd');
    },
  },
]);
