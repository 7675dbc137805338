import { readFile, realpath } from 'node:fs/promises';
import type { FileMap, FileSpec } from './layers.ts';
import { makeLayer } from './layers.ts';
import { must } from './process.ts';
import type { Descriptor, PushedImage, PushedManifest } from './push.ts';
import { MEDIA_TYPES, pushBlob, pushImage, pushIndex, pushManifest } from './push.ts';
import type { Registry } from './registry.ts';

/** What every small image prints when it runs without a command. */
export const GREETING = 'hello from team/small';

const CONFIG = {
  Env: ['PATH=/bin', `GREETING=${GREETING}`],
  Cmd: ['/bin/sh', '-c', 'echo "$GREETING"'],
} as const;

/** `team/small:1`: three layers, about 1.2 MB, runs `echo hello` and the other commands of busybox. */
export async function pushSmall(registry: Registry): Promise<PushedImage> {
  return await pushImage(registry, { name: 'team/small', tag: '1', ...(await smallImage()) });
}

const MIXED = ['none', 'zstd', 'gzip'] as const;

/** Everything the acceptance matrix asks for, each under `matrix/<what>:1` except `artifact`, all runnable. */
export async function pushMatrix(registry: Registry) {
  const { layers, config } = await smallImage();
  const more = { 'data/more.txt': 'more\n' };
  const empty = await makeLayer({});
  const push = async (what: string, spec: Partial<Parameters<typeof pushImage>[1]>): Promise<PushedImage> => {
    // Each kind's own from its first layer up: a store that had it from another kind would not read it.
    const [first, ...rest] = spec.layers ?? layers;
    const marked =
      first !== undefined && 'files' in first ? { ...first, files: { ...first.files, kind: what } } : first;
    return await pushImage(registry, {
      ...{ name: `matrix/${what}`, tag: '1', config, ...spec },
      layers: marked === undefined ? rest : [marked, ...rest],
    });
  };
  const zstd = layers.map((layer) => ({ ...layer, compression: 'zstd' as const }));
  return {
    oci: await push('oci', {}),
    docker: await push('docker', { format: 'docker' }),
    zstd: await push('zstd', { layers: zstd }),
    uncompressed: await push('uncompressed', {
      layers: layers.map((layer) => ({ ...layer, compression: 'none' as const })),
    }),
    mixed: await push('mixed', {
      layers: [...layers, { files: more }].map((layer, index) => ({
        ...layer,
        compression: MIXED[index % 3] ?? 'gzip',
      })),
    }),
    duplicate: await push('duplicate', { layers: [...layers, { files: more }, { files: more }] }),
    empty: await push('empty', { layers: [...layers, empty, { files: more }, empty] }),
    ...(await pushIndexes(registry)),
    artifact: await pushArtifact(registry),
  };
}

/** `matrix/index:1`, `matrix/list:1` and `matrix/nested:1`: the amd64 image runs, arm64 is there to be chosen. */
async function pushIndexes(
  registry: Registry,
): Promise<
  Record<'index' | 'list' | 'nested', PushedManifest & Readonly<Record<'amd64' | 'arm64', PushedImage>>>
> {
  const { layers, config } = await smallImage();
  const platforms = async (name: string, format: 'oci' | 'docker') => {
    const files = { 'etc/architecture': 'arm64\n' };
    const marked = [{ files: { kind: name } }, ...layers];
    const arm64 = { os: 'linux', architecture: 'arm64', variant: 'v8' };
    return {
      amd64: await pushImage(registry, { name, format, config, layers: marked }),
      arm64: await pushImage(registry, { name, format, config, layers: [{ files }], platform: arm64 }),
    };
  };
  const index = await platforms('matrix/index', 'oci');
  const list = await platforms('matrix/list', 'docker');
  const nested = await platforms('matrix/nested', 'oci');
  const attestation = await pushAttestation(registry, 'matrix/index', index.amd64.digest);
  const inner = await pushIndex(registry, {
    name: 'matrix/nested',
    manifests: [nested.arm64.descriptor, nested.amd64.descriptor],
  });
  const both = ({ arm64, amd64 }: typeof index) => [arm64.descriptor, amd64.descriptor];
  return {
    index: {
      ...index,
      ...(await pushIndex(registry, {
        name: 'matrix/index',
        tag: '1',
        manifests: [...both(index), attestation],
      })),
    },
    list: {
      ...list,
      ...(await pushIndex(registry, {
        name: 'matrix/list',
        tag: '1',
        format: 'docker',
        manifests: both(list),
      })),
    },
    nested: {
      ...nested,
      ...(await pushIndex(registry, { name: 'matrix/nested', tag: '1', manifests: [inner.descriptor] })),
    },
  };
}

/** The entry BuildKit adds to an index (https://docs.docker.com/build/metadata/attestations/attestation-storage/). */
async function pushAttestation(registry: Registry, name: string, subject: string): Promise<Descriptor> {
  const statement = Buffer.from('{"_type":"https://in-toto.io/Statement/v0.1"}');
  const layer = await pushBlob(registry, name, statement, 'application/vnd.in-toto+json');
  const document = JSON.stringify({
    os: 'unknown',
    architecture: 'unknown',
    rootfs: { diff_ids: [layer.digest] },
  });
  const config = await pushBlob(registry, name, Buffer.from(document), MEDIA_TYPES.ociConfig);
  const mediaType = MEDIA_TYPES.ociManifest;
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] });
  const { descriptor } = await pushManifest(registry, name, undefined, manifest, mediaType);
  return {
    ...descriptor,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': subject,
    },
  };
}

/** `matrix/artifact:1`: an OCI artifact, no image. */
async function pushArtifact(registry: Registry): Promise<PushedManifest> {
  const name = 'matrix/artifact';
  const config = await pushBlob(registry, name, Buffer.from('{}'), 'application/vnd.oci.empty.v1+json');
  const layer = await pushBlob(
    registry,
    name,
    Buffer.from('a chart'),
    'application/vnd.cncf.helm.chart.content.v1',
  );
  const mediaType = MEDIA_TYPES.ociManifest;
  const artifactType = 'application/vnd.example.chart';
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, artifactType, config, layers: [layer] });
  return await pushManifest(registry, name, '1', manifest, mediaType);
}

/**
 * The machine's busybox in layers of its own: the C library (none where busybox is static), the program
 * with links, and a little data.
 */
export async function smallImage(): Promise<{ layers: { files: FileMap }[]; config: typeof CONFIG }> {
  const busybox = await realpath((await must(['which', 'busybox'])).trim());
  const libraries: Record<string, FileSpec> = {};
  const linked = await must(['ldd', busybox]).catch(() => '');
  for (const [, library = ''] of linked.matchAll(/(\/\S+) \(0x/g)) {
    libraries[library.slice(1)] = { content: await readFile(library), mode: 0o755 };
  }
  const program: Record<string, FileSpec> = {
    'bin/busybox': { content: await readFile(busybox), mode: 0o755 },
  };
  for (const applet of ['sh', 'echo', 'cat', 'ls', 'sleep', 'true'])
    program[`bin/${applet}`] = { symlink: 'busybox' };
  const data: FileMap = {
    'etc/passwd': 'root:x:0:0:root:/:/bin/sh\n',
    tmp: { directory: true, mode: 0o1777 },
    'data/greeting.txt': `${GREETING}\n`,
  };
  const layers = [libraries, program, data].filter((files) => Object.keys(files).length > 0);
  return { layers: layers.map((files) => ({ files })), config: CONFIG };
}
