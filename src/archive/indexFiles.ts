import { algorithmOf, type Digest, hexOf } from '../image/digest.ts';
import type { Image } from '../image/image.ts';
import { OCI_INDEX } from '../image/mediaTypes.ts';
import { type Platform, withDefaultVariant } from '../image/platform.ts';
import { canonicalReference, familiarName, runTag } from '../image/reference.ts';

export const OCI_LAYOUT = '{"imageLayoutVersion":"1.0.0"}';

/** Of a manifest's descriptor: the digest of the index that led to it, which lies among the blobs. */
export const INDEX_ANNOTATION = 'tes-image-cache.index.digest';

/** An image under the tags that an archive gives it. */
export interface TaggedImage {
  readonly image: Image;
  readonly tags: readonly string[];
  /** The index that led to it, where the archive has that as well. */
  readonly index?: Digest;
}

export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** A cached archive has exactly one image with exactly one tag, which runs on both of Docker's image stores. */
export function underRunTag(image: Image): TaggedImage {
  return { image, tags: [runTag(image.manifest.digest)] };
}

/** What `docker load`'s classic image store reads. */
export function dockerManifest(images: readonly TaggedImage[]): string {
  return JSON.stringify(
    images.map(({ image, tags }) => ({
      Config: blobPath(image.config.digest),
      RepoTags: tags.map((tag) => `${familiarName(image.name)}:${tag}`),
      Layers: image.layers.map((layer) => blobPath(layer.digest)),
    })),
  );
}

/** What containerd, podman and other OCI readers read: a descriptor for each tag. Some readers refuse more than one. */
export function ociIndex(images: readonly TaggedImage[]): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: images.flatMap((tagged) => tagged.tags.map((tag) => descriptor(tagged, tag))),
  });
}

function descriptor({ image, index }: TaggedImage, tag: string): object {
  const platform = image.platform && withDefaultVariant(image.platform);
  const { registry, repository } = image.name;
  return {
    mediaType: image.manifest.mediaType,
    digest: image.manifest.digest,
    size: image.manifest.bytes.length,
    ...(platform !== undefined && { platform: ociPlatform(platform) }),
    annotations: {
      'io.containerd.image.name': canonicalReference({ registry, repository, tag }),
      'org.opencontainers.image.ref.name': tag,
      ...(index !== undefined && { [INDEX_ANNOTATION]: index }),
    },
  };
}

function ociPlatform({ os, architecture, variant }: Platform): object {
  return { architecture, os, ...(variant !== undefined && { variant }) };
}
