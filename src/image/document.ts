import type { Digest } from './digest.ts';

/** A manifest, an index or a config, exactly as the registry sent it: the digest is over these bytes. */
export interface Document {
  readonly digest: Digest;
  readonly mediaType: string | undefined;
  readonly bytes: Uint8Array;
}
