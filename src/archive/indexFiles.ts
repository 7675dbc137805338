import { type Digest, hexOf } from '../image/digest.ts';
import type { Descriptor } from '../image/manifest.ts';
import { OCI_INDEX } from '../image/mediaTypes.ts';
import type { Platform } from '../image/platform.ts';
import { canonicalReference, type ImageReference, runReference, runTag } from '../image/reference.ts';

/** Everything an archive is made from, but the layers' bytes. */
export interface ArchiveImage {
  /** Registry and repository; tag and digest play no part in an archive's bytes. */
  readonly name: Pick<ImageReference, 'registry' | 'repository'>;
  readonly platform: Platform;
  readonly manifest: {
    readonly digest: Digest;
    readonly mediaType: string;
    /** As the registry sent them, never re-serialised: they are what the digest is of. */
    readonly bytes: Uint8Array;
  };
  readonly config: { readonly digest: Digest; readonly bytes: Uint8Array };
  /** Bottom first; a layer that occurs twice is listed twice and stored once. */
  readonly layers: readonly Descriptor[];
}

export const OCI_LAYOUT = '{"imageLayoutVersion":"1.0.0"}';

export function blobPath(digest: Digest): string {
  return `blobs/${digest.slice(0, digest.indexOf(':'))}/${hexOf(digest)}`;
}

/** What `docker load`'s classic image store reads. Exactly one image with exactly one tag. */
export function dockerManifest(image: ArchiveImage): string {
  return JSON.stringify([
    {
      Config: blobPath(image.config.digest),
      RepoTags: [runReference(image.name, image.manifest.digest)],
      Layers: image.layers.map((layer) => blobPath(layer.digest)),
    },
  ]);
}

/** What containerd, podman and other OCI readers read. Exactly one descriptor: some readers refuse two. */
export function ociIndex(image: ArchiveImage): string {
  const { os, architecture, variant } = image.platform;
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
        platform: { architecture, os, ...(variant !== undefined && { variant }) },
        annotations: {
          'io.containerd.image.name': canonicalReference({ registry, repository, tag }),
          'org.opencontainers.image.ref.name': tag,
        },
      },
    ],
  });
}
