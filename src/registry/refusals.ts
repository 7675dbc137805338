import { LRUCache } from 'lru-cache';
import type { CacheError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import type { ImageReference } from '../image/reference.ts';

const MAX_REFUSALS = 1000;
/** Long enough for a caller that asks in a circle, short enough for somebody who mends a registry. */
const REFUSAL_MS = 5 * 60 * 1000;

/**
 * Manifests that were refused for what their bytes are: they are the same the next time, and a pull is counted.
 * By repository as well, since it is a registry that sends wrong bytes for a digest.
 */
export class Refusals {
  readonly #refusals = new LRUCache<string, CacheError>({ max: MAX_REFUSALS, ttl: REFUSAL_MS });

  /** @throws {CacheError} the refusal, where there was one a short while ago */
  check(ref: ImageReference, digest: Digest | undefined): void {
    const refusal = digest && this.#refusals.get(keyOf(ref, digest));
    if (refusal !== undefined) throw refusal;
  }

  add(ref: ImageReference, digests: Iterable<Digest | undefined>, refusal: CacheError): void {
    for (const digest of digests) if (digest !== undefined) this.#refusals.set(keyOf(ref, digest), refusal);
  }
}

function keyOf({ registry, repository }: ImageReference, digest: Digest): string {
  return `${registry}/${repository}@${digest}`;
}
