import type { HttpRequest } from '@azure/functions';
import type { ImageRequest } from '../../api/views.ts';
import type { Config } from '../../config.ts';
import { CacheError } from '../../errors.ts';
import { parsePlatform } from '../../image/platform.ts';
import { parseReference } from '../../image/reference.ts';
import { query } from './handler.ts';

/** @throws {CacheError} invalid_reference, invalid_request */
export function imageRequest(requested: string, platform: string | undefined, config: Config): ImageRequest {
  return {
    requested,
    ref: parseReference(requested),
    platform: platform === undefined ? config.defaultPlatform : parsePlatform(platform),
  };
}

/** From `?image=…&platform=…`. */
export function queriedImage(request: HttpRequest, config: Config): ImageRequest {
  const image = query(request, 'image');
  if (image === undefined) {
    throw new CacheError(
      'invalid_request',
      'The query has no image. Write, for example, ?image=ubuntu:24.04.',
    );
  }
  return imageRequest(image, query(request, 'platform'), config);
}
