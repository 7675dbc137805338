import { LRUCache } from 'lru-cache';

/** Blobs whose storage address is remembered: several images' worth of layers. */
const MAX_TARGETS = 2000;

export interface BlobTarget {
  readonly url: URL;
  /** It is one of a layer's foreign urls. */
  readonly isForeign: boolean;
}

/**
 * Where the registry sent us for a blob. Such addresses are good for minutes to hours, so a blob read in a
 * hundred ranges costs one call at the registry and not a hundred.
 */
export class BlobTargets {
  readonly #targets = new LRUCache<string, BlobTarget>({ max: MAX_TARGETS });

  get(key: string): BlobTarget | undefined {
    return this.#targets.get(key);
  }

  set(key: string, target: BlobTarget): void {
    this.#targets.set(key, target);
  }

  /** Forgets an address that stopped working, unless another reader has a newer one already. */
  drop(key: string, target: BlobTarget): void {
    if (this.#targets.peek(key) === target) this.#targets.delete(key);
  }
}
