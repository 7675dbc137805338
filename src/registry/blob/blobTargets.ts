import { LRUCache } from 'lru-cache';

/** Blobs whose storage address is remembered: several images' worth of layers. */
const MAX_TARGETS = 2000;

/**
 * Where the registry sent us for a blob. Such addresses are good for minutes to hours, so a blob read in a
 * hundred ranges costs one call at the registry and not a hundred.
 */
export class BlobTargets {
  readonly #targets = new LRUCache<string, URL>({ max: MAX_TARGETS });

  get(key: string): URL | undefined {
    return this.#targets.get(key);
  }

  set(key: string, target: URL): void {
    this.#targets.set(key, target);
  }

  /** Forgets an address that stopped working, unless another reader has a newer one already. */
  drop(key: string, target: URL): void {
    if (this.#targets.peek(key) === target) this.#targets.delete(key);
  }
}
