import { parseJsonObject } from './json.ts';
import { bareMediaType, DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED } from './mediaTypes.ts';

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
  const said = bareMediaType(contentType ?? '');
  if (said === DOCKER_SCHEMA1 || said === DOCKER_SCHEMA1_SIGNED) return true;
  const document = bytes && parseJsonObject(Buffer.from(bytes).toString('utf8'));
  return document !== undefined && (document.schemaVersion === 1 || 'fsLayers' in document);
}
