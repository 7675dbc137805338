import { LRUCache } from 'lru-cache';
import { CacheError } from '../../errors.ts';
import type { Timing } from '../traffic/timing.ts';
import { untilAborted } from '../exchange/untilAborted.ts';
import type { Token } from './tokens.ts';

interface Entry {
  readonly token: Promise<Token>;
  /** On performance.now()'s clock; unknown while the token is being fetched. */
  refreshAt: number;
}

/** Repositories that one worker pulls from at a time, and more. */
const MAX_TOKENS = 500;

/** Tokens by origin and scope. However many layers want one at once, it is fetched once. */
export class TokenCache {
  readonly #entries = new LRUCache<string, Entry>({ max: MAX_TOKENS });
  readonly #timing: Timing;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /**
   * @param host whom the token is for, for a message
   * @throws {CacheError} as `fetch` does, and registry_unavailable where it takes longer than `tokenMs`
   */
  get(key: string, host: string, fetch: () => Promise<Token>): Promise<Token> {
    const known = this.#entries.get(key);
    if (known !== undefined && performance.now() < known.refreshAt) return known.token;
    const entry: Entry = { token: this.#inTime(host, fetch()), refreshAt: Number.POSITIVE_INFINITY };
    entry.token.then(
      ({ lifetimeMs }) => {
        // A registry whose tokens live shorter than the margin still gets some use out of each.
        const margin = Math.min(this.#timing.tokenMarginMs, lifetimeMs / 2);
        entry.refreshAt = performance.now() + lifetimeMs - margin;
      },
      () => this.#forget(key, entry),
    );
    this.#entries.set(key, entry);
    return entry.token;
  }

  async #inTime(host: string, token: Promise<Token>): Promise<Token> {
    const deadline = AbortSignal.timeout(this.#timing.tokenMs);
    try {
      return await untilAborted(token, deadline);
    } catch (error) {
      if (!deadline.aborted || error instanceof CacheError) throw error;
      throw new CacheError(
        'registry_unavailable',
        `No token for ${host} was to be had within ${this.#timing.tokenMs / 1000} s. Try again later.`,
        { cause: error },
      );
    }
  }

  /** Forgets a token that was refused, unless it has been replaced already. */
  async drop(key: string, value: string): Promise<void> {
    const entry = this.#entries.get(key);
    const token = await entry?.token.catch(() => undefined);
    if (entry !== undefined && token?.value === value) this.#forget(key, entry);
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.peek(key) === entry) this.#entries.delete(key);
  }
}
