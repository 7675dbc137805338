import { CacheError } from '../errors.ts';
import { CONFIG_SHAPE, misfit } from './configShape.ts';
import { type Digest, isDigest } from './digest.ts';
import { member, readObject, textMember } from './goJson.ts';
import { isObject } from './json.ts';

import { isPlatformComponent, normalisePlatform, type Platform } from './platform.ts';
import { printable } from './printable.ts';

/** What the image's own config says. https://github.com/opencontainers/image-spec/blob/main/config.md */
export interface ImageConfig {
  /** Undefined where it does not name both operating system and architecture: readers take their own then. */
  readonly platform: Platform | undefined;
  /** Digests of the layers' uncompressed tars, bottom first. */
  readonly diffIds: readonly Digest[];
}

/** Of a manifest, what its config is held against; an archive may have no manifest. */
export interface ConfigOwner {
  readonly config: { readonly mediaType: string };
  readonly layers: { readonly length: number };
}

/**
 * Reads an image config and holds it against its manifest, before any layer is pulled. What no reader could load is
 * refused.
 * @throws {CacheError} unsupported_image
 */
export function parseImageConfig(bytes: Uint8Array, manifest: ConfigOwner, name: string): ImageConfig {
  const refuse = (why: string): never => {
    throw new CacheError('unsupported_image', `${name} cannot be cached: ${why}`);
  };
  const config = readObject(bytes, `the config of ${name}`);
  const rootfs = member(config, 'rootfs');
  if (rootfs === undefined) {
    const { mediaType } = manifest.config;
    // Of old images and of artifacts: only the config itself tells them apart.
    const typed = mediaType === '' ? 'without a type' : `of type ${printable(mediaType)}`;
    return refuse(`its config (${typed}) has no rootfs: it is an artifact, not a container image.`);
  }
  const wrong = misfit(config, CONFIG_SHAPE);
  if (wrong !== undefined)
    return refuse(`${wrong} in its config is not what it has to be, so that nothing can load it.`);
  const diffIds = isObject(rootfs) ? (member(rootfs, 'diff_ids') ?? []) : [];
  if (!Array.isArray(diffIds) || !diffIds.every((id) => typeof id === 'string' && isDigest(id))) {
    return refuse('the diff_ids of its config are not digests.');
  }
  if (diffIds.length !== manifest.layers.length) {
    return refuse(`its manifest has ${manifest.layers.length} layers and its config ${diffIds.length}.`);
  }
  const [os, architecture] = [textMember(config, 'os'), textMember(config, 'architecture')];
  if (os === undefined || architecture === undefined) return { platform: undefined, diffIds };
  const variant = textMember(config, 'variant');
  const platform = normalisePlatform({ os, architecture, ...(variant !== undefined && { variant }) });
  if (!isPlatformComponent(platform.os) || !isPlatformComponent(platform.architecture))
    return refuse(`its config is for ${printable(`${os}/${architecture}`)}, which is no platform.`);
  if (platform.variant === undefined || isPlatformComponent(platform.variant)) return { platform, diffIds };
  return { platform: { os: platform.os, architecture: platform.architecture }, diffIds };
}
