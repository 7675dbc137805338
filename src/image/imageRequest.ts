import { parsePlatform, type Platform } from './platform.ts';
import { type ImageReference, parseReference } from './reference.ts';

/** An image that was asked for: what the caller wrote, and what it means. */
export interface ImageRequest {
  readonly requested: string;
  readonly ref: ImageReference;
  readonly platform: Platform;
}

/**
 * @param platform as the caller wrote it; undefined where none was named
 * @throws {CacheError} invalid_reference, invalid_request
 */
export function parseImageRequest(
  requested: string,
  platform: string | undefined,
  defaultPlatform: Platform,
): ImageRequest {
  return {
    requested,
    ref: parseReference(requested),
    platform: platform === undefined ? defaultPlatform : parsePlatform(platform),
  };
}
