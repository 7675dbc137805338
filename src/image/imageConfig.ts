import { CacheError } from '../errors.ts';
import { type Digest, isDigest } from './digest.ts';
import { isObject } from './json.ts';
import { type ImageManifest, parseObject } from './manifest.ts';
import { isPlatformComponent, normalisePlatform, type Platform } from './platform.ts';

/** What the image's own config says. https://github.com/opencontainers/image-spec/blob/main/config.md */
export interface ImageConfig {
  readonly platform: Platform;
  /** Digests of the layers' uncompressed tars, bottom first. */
  readonly diffIds: readonly Digest[];
}

/**
 * Reads an image config and holds it against its manifest, before any layer is pulled.
 * @throws {CacheError} unsupported_image
 */
export function parseImageConfig(bytes: Uint8Array, manifest: ImageManifest, name: string): ImageConfig {
  const refuse = (why: string): never => {
    throw new CacheError('unsupported_image', `${name} cannot be cached: ${why}`);
  };
  const config = parseObject(bytes, `the config of ${name}`);
  const rootfs = config.rootfs;
  if (!isObject(rootfs) || !('diff_ids' in rootfs)) {
    return refuse('its config has no rootfs, so nothing can run it.');
  }
  const diffIds: unknown = rootfs.diff_ids ?? [];
  if (!Array.isArray(diffIds) || !diffIds.every((id) => typeof id === 'string' && isDigest(id))) {
    return refuse('the diff_ids of its config are not digests.');
  }
  if (diffIds.length !== manifest.layers.length) {
    return refuse(`its manifest has ${manifest.layers.length} layers and its config ${diffIds.length}.`);
  }
  const { os, architecture, variant } = config;
  if (!isPlatformComponent(os) || !isPlatformComponent(architecture)) {
    return refuse('its config names no operating system and architecture.');
  }
  return {
    platform: normalisePlatform({
      os,
      architecture,
      ...(isPlatformComponent(variant) && { variant }),
    }),
    diffIds,
  };
}
