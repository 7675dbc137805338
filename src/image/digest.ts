import { createHash } from 'node:crypto';
import { CacheError } from '../errors.ts';
import { printable } from './printable.ts';

/**
 * A content digest, `algorithm:hex`, as the OCI image specification registers them.
 * https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 */
export type Digest = `${DigestAlgorithm}:${string}`;
export type DigestAlgorithm = 'sha256' | 'sha512';

const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };

export function isDigest(text: string): text is Digest {
  const [algorithm, hex, rest] = text.split(':');
  if ((algorithm !== 'sha256' && algorithm !== 'sha512') || hex === undefined || rest !== undefined)
    return false;
  return hex.length === HEX_LENGTH[algorithm] && /^[0-9a-f]+$/.test(hex);
}

/** @throws {CacheError} invalid_reference, naming `what` and the text */
export function parseDigest(text: string, what = 'digest'): Digest {
  if (isDigest(text)) return text;
  throw new CacheError(
    'invalid_reference',
    `${what} "${printable(text, 200)}" is not valid: write sha256: (or sha512:) and its lower-case hex digits.`,
  );
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

export function sha256Of(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Whether these bytes, whole, are what the digest names. */
export function matchesDigest(bytes: Uint8Array, digest: Digest): boolean {
  return createHash(algorithmOf(digest)).update(bytes).digest('hex') === hexOf(digest);
}
