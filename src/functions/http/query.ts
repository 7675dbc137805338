import type { HttpRequest } from '@azure/functions';
import { CacheError } from '../../errors.ts';
import { type ImageRequest, parseImageRequest } from '../../image/imageRequest.ts';
import type { Platform } from '../../image/platform.ts';
import { printable } from '../../image/printable.ts';

/** A query value; an empty one counts as missing. */
export function query(request: HttpRequest, name: string): string | undefined {
  const value = request.query.get(name);
  return value === null || value === '' ? undefined : value;
}

/**
 * From `?image=…&platform=…`.
 * @throws {CacheError} invalid_request, invalid_reference
 */
export function queriedImage(request: HttpRequest, defaultPlatform: Platform): ImageRequest {
  const image = query(request, 'image');
  if (image === undefined) {
    throw new CacheError(
      'invalid_request',
      'The query has no image. Write, for example, ?image=ubuntu:24.04.',
    );
  }
  return parseImageRequest(image, query(request, 'platform'), defaultPlatform);
}

/** @throws {CacheError} invalid_request, naming the value and the range */
export function wholeNumber(
  request: HttpRequest,
  name: string,
  range: { readonly least: number; readonly most: number; readonly fallback: number },
): number {
  const text = query(request, name);
  if (text === undefined) return range.fallback;
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN;
  if (value >= range.least && value <= range.most) return value;
  throw new CacheError(
    'invalid_request',
    `${name} is "${printable(text, 50)}"; it must be a whole number from ${range.least} to ${range.most}.`,
  );
}

/** @throws {CacheError} invalid_request, naming the value and what there is */
export function choice<T extends string>(
  request: HttpRequest,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = query(request, name);
  const chosen = choices.find((one) => one === text);
  if (text === undefined || chosen !== undefined) return chosen;
  throw new CacheError(
    'invalid_request',
    `${name} is "${printable(text, 50)}"; it must be ${choices.join(' or ')}.`,
  );
}
