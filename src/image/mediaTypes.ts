/**
 * Media types of Docker's image manifest v2 schema 2 and of OCI.
 * https://github.com/opencontainers/image-spec/blob/main/media-types.md
 * https://distribution.github.io/distribution/spec/manifest-v2-2/
 */
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';
export const DOCKER_MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json';
export const DOCKER_SCHEMA1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

export const INDEX_TYPES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_MANIFEST_LIST]);
export const MANIFEST_TYPES: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST]);
export const SCHEMA1_TYPES: ReadonlySet<string> = new Set([DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED]);
export const CONFIG_TYPES: ReadonlySet<string> = new Set([OCI_CONFIG, DOCKER_CONFIG]);
/**
 * What registries and clients of Docker's first years wrote for an image config: Docker still takes them for one, and
 * the config itself tells whether it is. Whoever types by content would add plain text.
 * https://github.com/moby/moby/blob/v28.5.2/distribution/registry.go, `defaultImageTypes`
 */
export const LEGACY_CONFIG_TYPES: ReadonlySet<string> = new Set([
  '',
  'application/octet-stream',
  'application/json',
  'text/html',
  'text/plain',
]);

/** Schema 1 is asked for last, only so that its refusal can name it instead of a 404. */
export const ACCEPTED_MANIFESTS = [...INDEX_TYPES, ...MANIFEST_TYPES, ...SCHEMA1_TYPES].join(', ');

export type Compression = 'none' | 'gzip' | 'zstd';

/** Layer media types that hold a tar; anything else is not a layer of a container image. */
const LAYER = new RegExp(
  '^application/vnd\\.(?:' +
    'oci\\.image\\.layer\\.(?:nondistributable\\.)?v1\\.tar(?:\\+(gzip|zstd))?|' +
    'docker\\.image\\.rootfs\\.(?:foreign\\.)?diff\\.tar(?:[.+](gzip|zstd))?' +
    ')$',
);

/** How a layer of this media type is compressed; undefined where it is no image layer. */
export function layerCompression(mediaType: string): Compression | undefined {
  const match = LAYER.exec(mediaType);
  if (match === null) return undefined;
  return (match[1] ?? match[2] ?? 'none') as Compression;
}

/** How an image's layers are compressed, each way once: `gzip`, `gzip+zstd`; empty where there are none. */
export function compressionsOf(layers: readonly { readonly mediaType: string }[]): string {
  const all = layers.map(({ mediaType }) => layerCompression(mediaType) ?? 'none');
  return [...new Set(all)].sort().join('+');
}

/** The media type without parameters, as a Content-Type header may carry them. */
export function bareMediaType(header: string): string {
  return (header.split(';')[0] ?? '').trim().toLowerCase();
}
