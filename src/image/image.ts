import type { Digest } from './digest.ts';
import type { Document } from './document.ts';
import { parseImageConfig } from './imageConfig.ts';
import type { Descriptor, ImageManifest } from './manifest.ts';
import type { Platform } from './platform.ts';
import { canonicalReference, type ImageReference, type RepositoryName } from './reference.ts';

/** One platform's image but for the bytes of its layers: what an archive is made from, and what one is read back into. */
export interface Image {
  /** Registry and repository; tag and digest play no part in an archive's bytes. */
  readonly name: RepositoryName;
  readonly platform: Platform;
  readonly manifest: Document;
  readonly config: Document;
  /** Bottom first; a layer that occurs twice is listed twice. */
  readonly layers: readonly Descriptor[];
  /** Digests of the layers' uncompressed tars, bottom first. */
  readonly diffIds: readonly Digest[];
}

/**
 * Puts an image together from its documents.
 * @param ref what was asked for; messages name it
 * @param parsed the manifest, as parseManifest understood it
 * @param config the bytes that the manifest's config descriptor names
 * @throws {CacheError} unsupported_image where the config does not fit the manifest
 */
export function imageOf(
  ref: ImageReference,
  { digest, bytes }: Pick<Document, 'digest' | 'bytes'>,
  parsed: ImageManifest,
  config: Uint8Array,
): Image {
  const { platform, diffIds } = parseImageConfig(config, parsed, canonicalReference(ref));
  return {
    name: { registry: ref.registry, repository: ref.repository },
    platform,
    manifest: { digest, mediaType: parsed.mediaType, bytes },
    config: { digest: parsed.config.digest, mediaType: parsed.config.mediaType, bytes: config },
    layers: parsed.layers,
    diffIds,
  };
}
