import type { Digest } from './digest.ts';

/** A manifest, an index or a config, exactly as its registry sent it: the digest is over these bytes. */
export interface Document {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}
