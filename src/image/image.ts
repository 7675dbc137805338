import { CacheError } from '../errors.ts';
import type { Digest } from './digest.ts';
import type { Document } from './document.ts';
import { parseImageConfig } from './imageConfig.ts';
import type { Descriptor, ImageManifest } from './manifest.ts';
import { formatPlatform, type Platform, platformScore } from './platform.ts';
import { canonicalReference, type ImageReference, type RepositoryName } from './reference.ts';

/** One platform's image but for the bytes of its layers: what an archive is made from, and what one is read back into. */
export interface Image {
  /** Registry and repository; tag and digest play no part in an archive's bytes. */
  readonly name: RepositoryName;
  /** What its own config says; undefined where it says nothing. The archive repeats it. */
  readonly platform: Platform | undefined;
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

/**
 * What an image is cached for. An index that names a platform decides, since it chose the image, whatever its config
 * says; else the config does. What both leave open is as it was asked for.
 * @param named what the index says of the image
 * @throws {CacheError} unsupported_image where no index chose the image, and its config is for another platform
 */
export function platformOf(
  { platform: own }: Image,
  asked: Platform,
  named: Platform | undefined,
  name: string,
): Platform {
  const said = named ?? own;
  if (said === undefined) return asked;
  if (platformScore(asked, said) === 0) {
    const [want, has] = [formatPlatform(asked), formatPlatform(said)];
    throw new CacheError(
      'unsupported_image',
      `${name} does not run on ${want}: it is for ${has}. Ask for platform ${has} where the nodes have it.`,
    );
  }
  const { os, architecture } = said;
  // An amd64 or arm64 without a variant runs everywhere; an arm without one is not known to.
  const variant = said.variant ?? (architecture === 'arm' ? asked.variant : undefined);
  return { os, architecture, ...(variant !== undefined && { variant }) };
}
