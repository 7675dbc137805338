import type { Compression, FileMap, LayerBlob } from './layers.ts';
import { makeLayer, sha256 } from './layers.ts';
import type { Registry } from './registry.ts';

export const MEDIA_TYPES = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
} as const;

const LAYER_TYPES = {
  oci: {
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
    none: 'application/vnd.oci.image.layer.v1.tar',
  },
  docker: {
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
    none: 'application/vnd.docker.image.rootfs.diff.tar',
  },
} as const;

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageSpec {
  /** Repository, such as `team/small`. */
  readonly name: string;
  /** Without one the image can be had by its digest alone. */
  readonly tag?: string;
  /** Default `oci`. */
  readonly format?: 'oci' | 'docker';
  /** Base first. The same layer may come twice. */
  readonly layers: readonly (LayerBlob | { readonly files: FileMap; readonly compression?: Compression })[];
  /** `config.config`: Cmd, Env, … */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default linux/amd64. */
  readonly platform?: Platform;
}

export interface PushedManifest {
  readonly name: string;
  readonly tag: string | undefined;
  /** `127.0.0.1:<port>/team/small:1`, or by digest where there is no tag. */
  readonly reference: string;
  /** As an index lists it. */
  readonly descriptor: Descriptor;
  readonly digest: string;
  /** The raw bytes. */
  readonly manifest: string;
}

export interface PushedLayer extends Descriptor {
  readonly diffId: string;
}

export interface PushedImage extends PushedManifest {
  /** The config's digest: the image ID of Docker's classic store. */
  readonly imageId: string;
  readonly layers: readonly PushedLayer[];
}

/** Builds an image of file maps, or of ready layers, and pushes it. */
export async function pushImage(registry: Registry, spec: ImageSpec): Promise<PushedImage> {
  const format = spec.format ?? 'oci';
  const platform = spec.platform ?? { os: 'linux', architecture: 'amd64' };
  const layers: PushedLayer[] = [];
  for (const layer of spec.layers) {
    const made = 'blob' in layer ? layer : await makeLayer(layer.files, layer.compression);
    const mediaType = LAYER_TYPES[format][made.compression];
    layers.push({ ...(await pushBlob(registry, spec.name, made.blob, mediaType)), diffId: made.diffId });
  }
  const document = JSON.stringify({
    created: '2025-01-01T00:00:00Z',
    ...platform,
    config: spec.config ?? {},
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((_, index) => ({ created: '2025-01-01T00:00:00Z', created_by: `layer ${index}` })),
  });
  const configType = format === 'oci' ? MEDIA_TYPES.ociConfig : MEDIA_TYPES.dockerConfig;
  const config = await pushBlob(registry, spec.name, Buffer.from(document), configType);
  const mediaType = format === 'oci' ? MEDIA_TYPES.ociManifest : MEDIA_TYPES.dockerManifest;
  const listed = layers.map(({ mediaType, digest, size }) => ({ mediaType, size, digest }));
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: listed });
  const pushed = await pushManifest(registry, spec.name, spec.tag, manifest, mediaType);
  return { ...pushed, descriptor: { ...pushed.descriptor, platform }, imageId: config.digest, layers };
}

/** Pushes an index (or a Docker manifest list) of manifests that the repository has already. */
export async function pushIndex(
  registry: Registry,
  spec: {
    readonly name: string;
    readonly tag?: string;
    readonly format?: 'oci' | 'docker';
    readonly manifests: readonly Descriptor[];
  },
): Promise<PushedManifest> {
  const mediaType = spec.format === 'docker' ? MEDIA_TYPES.dockerList : MEDIA_TYPES.ociIndex;
  const index = JSON.stringify({ schemaVersion: 2, mediaType, manifests: spec.manifests });
  return await pushManifest(registry, spec.name, spec.tag, index, mediaType);
}

/** Pushes any document to the manifests of a repository, under a tag or its own digest. */
export async function pushManifest(
  registry: Registry,
  name: string,
  tag: string | undefined,
  manifest: string,
  mediaType: string,
): Promise<PushedManifest> {
  const digest = sha256(manifest);
  const headers = { 'content-type': mediaType };
  const response = await registry.fetch(`/v2/${name}/manifests/${tag ?? digest}`, {
    ...{ method: 'PUT', headers, body: manifest },
  });
  if (response.status !== 201)
    throw new Error(`manifest of ${name}: ${response.status} ${await response.text()}`);
  const reference = `${registry.host}/${name}${tag === undefined ? `@${digest}` : `:${tag}`}`;
  const descriptor = { mediaType, digest, size: Buffer.byteLength(manifest) };
  return { name, tag, reference, descriptor, digest, manifest };
}

/** Uploads a blob in one piece, unless the repository has it. */
export async function pushBlob(
  registry: Registry,
  name: string,
  blob: Uint8Array,
  mediaType: string,
): Promise<Descriptor> {
  const digest = sha256(blob);
  const descriptor = { mediaType, digest, size: blob.byteLength };
  const present = await registry.fetch(`/v2/${name}/blobs/${digest}`, { method: 'HEAD' });
  if (present.status === 200) return descriptor;

  const started = await registry.fetch(`/v2/${name}/blobs/uploads/`, { method: 'POST' });
  const location = started.headers.get('location');
  if (started.status !== 202 || location === null) {
    throw new Error(`upload to ${name}: ${started.status} ${await started.text()}`);
  }
  const target = new URL(location, registry.url);
  target.searchParams.set('digest', digest);
  const done = await registry.fetch(target.pathname + target.search, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body: blob,
  });
  if (done.status !== 201) throw new Error(`blob ${digest} of ${name}: ${done.status} ${await done.text()}`);
  return descriptor;
}
