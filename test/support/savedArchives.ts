import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { type Digest, hexOf, sha256Of } from '../../src/image/digest.ts';

/**
 * Archives as other programs write them, entry by entry: what Docker before and since 25, podman and skopeo differ in is
 * the order, the names and the links.
 */

/** One entry: a file's content, a link's target, or a folder. */
export type SavedEntry =
  | readonly [path: string, content: Uint8Array | string]
  | readonly [path: string, link: { readonly symlink: string }]
  | readonly [path: string, folder: { readonly directory: true }];

export interface SavedSample {
  readonly config: Buffer;
  readonly imageId: Digest;
  readonly manifest: Buffer;
  readonly digest: Digest;
  readonly index: Buffer;
  readonly indexDigest: Digest;
  /** As they are in an OCI layout, and unpacked. */
  readonly layers: readonly { readonly packed: Buffer; readonly tar: Buffer }[];
  readonly diffIds: readonly Digest[];
}

const OCI = 'application/vnd.oci.image';

/** An image of layers with such contents. */
export async function savedSample(
  contents: readonly string[],
  { architecture = 'amd64', labels = {} }: { readonly architecture?: string; readonly labels?: object } = {},
): Promise<SavedSample> {
  const layers = await Promise.all(
    contents.map(async (content) => {
      const tar = await tarOf([['file', content]]);
      return { tar, packed: gzipSync(tar) };
    }),
  );
  const diffIds = layers.map(({ tar }) => sha256Of(tar));
  const config = json({
    os: 'linux',
    architecture,
    config: { Labels: labels },
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: { mediaType: `${OCI}.config.v1+json`, digest: sha256Of(config), size: config.length },
    layers: layers.map(({ packed }) => ({
      mediaType: `${OCI}.layer.v1.tar+gzip`,
      digest: sha256Of(packed),
      size: packed.length,
    })),
  });
  const attestation = sha256Of('an attestation that is not there');
  const index = json({
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests: [
      { ...descriptorOf(manifest, 'manifest'), platform: { os: 'linux', architecture } },
      {
        ...{ mediaType: `${OCI}.manifest.v1+json`, digest: attestation, size: 100 },
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
      },
    ],
  });
  return {
    ...{ config, imageId: sha256Of(config), manifest, digest: sha256Of(manifest) },
    ...{ index, indexDigest: sha256Of(index), layers, diffIds },
  };
}

/** Docker 1.10 to 24: a folder a layer, the second of two equal layers a link, `manifest.json` near the end. */
export function dockerOld(sample: SavedSample, tags: readonly string[] | null): SavedEntry[] {
  const seen = new Map<string, string>();
  const paths: string[] = [];
  const folders = sample.layers.flatMap(({ tar }, at): SavedEntry[] => {
    const id = hexOf(sha256Of(`${at} ${sample.imageId}`));
    paths.push(`${id}/layer.tar`);
    const digest = sha256Of(tar);
    const first = seen.get(digest);
    seen.set(digest, first ?? id);
    return [
      [`${id}/`, { directory: true }],
      [`${id}/VERSION`, '1.0'],
      [`${id}/json`, JSON.stringify({ id })],
      first === undefined
        ? [`${id}/layer.tar`, tar]
        : [`${id}/layer.tar`, { symlink: `../${first}/layer.tar` }],
    ];
  });
  const config = `${hexOf(sample.imageId)}.json`;
  return [
    ...folders,
    [config, sample.config],
    ['manifest.json', json([{ Config: config, RepoTags: tags, Layers: paths }])],
    ['repositories', json({})],
  ];
}

/** Docker since 25: an OCI layout beside `manifest.json`, with layers as the store has them. */
export function dockerNew(sample: SavedSample, tags: readonly string[]): SavedEntry[] {
  return [
    ...blobs(sample),
    [blob(sample.index), sample.index],
    [
      'index.json',
      json({
        schemaVersion: 2,
        manifests: tags.map((tag) => ({
          ...descriptorOf(sample.index, 'index'),
          annotations: {
            'io.containerd.image.name': tag,
            'org.opencontainers.image.ref.name': tag.split(':').at(-1),
          },
        })),
      }),
    ],
    [
      'manifest.json',
      json([
        {
          Config: blob(sample.config),
          RepoTags: tags,
          Layers: sample.layers.map(({ packed }) => blob(packed)),
        },
      ]),
    ],
    ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
  ];
}

/** podman's and skopeo's docker-archive: layers unpacked, named after their diff ids, and links to them. */
export function podman(sample: SavedSample, tags: readonly string[]): SavedEntry[] {
  const files = sample.layers.map(({ tar }) => `${hexOf(sha256Of(tar))}.tar`);
  const config = `${hexOf(sample.imageId)}.json`;
  return [
    ...sample.layers.map(({ tar }, at): SavedEntry => [files[at] ?? '', tar]),
    [config, sample.config],
    ...files.map((file, at): SavedEntry => [`layer${at}/layer.tar`, { symlink: `../${file}` }]),
    ['manifest.json', json([{ Config: config, RepoTags: tags, Layers: files }])],
  ];
}

/** skopeo's oci-archive, and what any other program makes of an OCI layout. */
export function ociLayout(sample: SavedSample, annotations: Readonly<Record<string, string>>): SavedEntry[] {
  return [
    ['blobs/', { directory: true }],
    ['blobs/sha256/', { directory: true }],
    ...blobs(sample),
    [
      'index.json',
      json({ schemaVersion: 2, manifests: [{ ...descriptorOf(sample.manifest, 'manifest'), annotations }] }),
    ],
    ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
  ];
}

export async function tarOf(entries: readonly SavedEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const [name, what] of entries) {
    if (typeof what === 'string' || what instanceof Uint8Array) tar.entry({ name }, Buffer.from(what));
    else if ('symlink' in what) tar.entry({ name, type: 'symlink', linkname: what.symlink });
    else tar.entry({ name, type: 'directory' });
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function blobs({ config, manifest, layers }: SavedSample): SavedEntry[] {
  const all = [...layers.map(({ packed }) => packed), config, manifest];
  return [...new Map(all.map((bytes) => [blob(bytes), bytes] as const))];
}

function blob(bytes: Uint8Array): string {
  return `blobs/sha256/${hexOf(sha256Of(bytes))}`;
}

function descriptorOf(bytes: Uint8Array, kind: 'manifest' | 'index'): object {
  return { mediaType: `${OCI}.${kind}.v1+json`, digest: sha256Of(bytes), size: bytes.length };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
