import { member, readObject } from './goJson.ts';
import type { JsonObject } from './json.ts';
import { bareMediaType, SCHEMA1_TYPES } from './mediaTypes.ts';

/** Why a manifest of schema 1 is refused: the rest of a sentence about it. */
export const SCHEMA1_REFUSAL =
  'it is in the obsolete Docker manifest schema 1. Push it again with a current Docker.';

/**
 * Whether a registry's answer is a manifest of schema 1, which nothing of today reads. To be asked before the
 * digest is compared: that of a signed one covers its payload, not the bytes that are sent, and never matches.
 * https://distribution.github.io/distribution/spec/manifest-v2-1/
 * @param contentType the answer's Content-Type, if it had one
 * @param bytes the document, where it was fetched: registries send schema 1 under other types as well
 */
export function isSchema1(contentType: string | undefined, bytes?: Uint8Array): boolean {
  if (SCHEMA1_TYPES.has(bareMediaType(contentType ?? ''))) return true;
  if (bytes === undefined) return false;
  try {
    return isSchema1Document(readObject(bytes, 'a manifest'));
  } catch {
    return false;
  }
}

export function isSchema1Document(document: JsonObject): boolean {
  return member(document, 'schemaVersion') === 1 || member(document, 'fsLayers') !== undefined;
}
