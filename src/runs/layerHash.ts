import { createHash, type Hash } from 'node:crypto';
import { createSHA256, createSHA512, type IHasher } from 'hash-wasm';
import { algorithmOf, type Digest, hexOf } from '../image/digest.ts';

/**
 * The running digest of one layer. Node's own hash is about eight times as fast, but its state cannot leave the
 * process; so a layer that one activity will soon have copied whole uses it, and any other uses hash-wasm, whose
 * state of about a hundred bytes passes from one to the next.
 */
export interface LayerHash {
  /** Whether what is hashed so far can be gone on with elsewhere. */
  readonly canBeSaved: boolean;
  update(bytes: Uint8Array): void;
  /** Whether all bytes so far are what the digest names. Ends the hash. */
  matches(digest: Digest): boolean;
  /** Base64; undefined where the hash cannot be carried on elsewhere. */
  save(): string | undefined;
}

export function wholeLayerHash(digest: Digest): LayerHash {
  const hash: Hash = createHash(algorithmOf(digest));
  return {
    canBeSaved: false,
    update: (bytes) => void hash.update(bytes),
    matches: (expected) => hash.digest('hex') === hexOf(expected),
    save: () => undefined,
  };
}

/** @param state what `save` gave where the stretch before ended; undefined at the layer's start */
export async function savableHash(digest: Digest, state: string | undefined): Promise<LayerHash> {
  const hash: IHasher = algorithmOf(digest) === 'sha512' ? await createSHA512() : await createSHA256();
  if (state === undefined) hash.init();
  else hash.load(Buffer.from(state, 'base64'));
  return {
    canBeSaved: true,
    update: (bytes) => void hash.update(bytes),
    matches: (expected) => hash.digest('hex') === hexOf(expected),
    save: () => Buffer.from(hash.save()).toString('base64'),
  };
}
