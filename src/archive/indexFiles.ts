import { algorithmOf, type Digest, hexOf } from '../image/digest.ts';
import type { Image } from '../image/image.ts';
import { OCI_INDEX } from '../image/mediaTypes.ts';
import { type Platform, withDefaultVariant } from '../image/platform.ts';
import { canonicalReference, runReference, runTag } from '../image/reference.ts';

export const OCI_LAYOUT = '{"imageLayoutVersion":"1.0.0"}';

export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** What `docker load`'s classic image store reads. Exactly one image with exactly one tag. */
export function dockerManifest(image: Image): string {
  return JSON.stringify([
    {
      Config: blobPath(image.config.digest),
      RepoTags: [runReference(image.name, image.manifest.digest)],
      Layers: image.layers.map((layer) => blobPath(layer.digest)),
    },
  ]);
}

/** What containerd, podman and other OCI readers read. Exactly one descriptor: some readers refuse two. */
export function ociIndex(image: Image): string {
  const platform = image.platform && withDefaultVariant(image.platform);
  const { registry, repository } = image.name;
  const tag = runTag(image.manifest.digest);
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [
      {
        mediaType: image.manifest.mediaType,
        digest: image.manifest.digest,
        size: image.manifest.bytes.length,
        ...(platform !== undefined && { platform: ociPlatform(platform) }),
        annotations: {
          'io.containerd.image.name': canonicalReference({ registry, repository, tag }),
          'org.opencontainers.image.ref.name': tag,
        },
      },
    ],
  });
}

function ociPlatform({ os, architecture, variant }: Platform): object {
  return { architecture, os, ...(variant !== undefined && { variant }) };
}
