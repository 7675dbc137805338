import { LRUCache } from 'lru-cache';
import type { SharedBackoff } from './backoff.ts';
import type { CacheError } from '../../errors.ts';
import { Fault } from './fault.ts';
import { HostLine, type Place } from './hostLine.ts';
import type { Timing } from './timing.ts';

/**
 * What a request is for: `prompt` is answered at once by whoever is well (a HEAD, a token); a `document` or a `blob`
 * may be fetched by a proxy before the first byte comes.
 */
export type Purpose = 'prompt' | 'document' | 'blob';

/**
 * Connections to one host. As many layers as one instance copies at a time, and some that no layer can take from
 * manifests and tokens; few enough that a registry which counts connections does not mind.
 */
const CONNECTIONS: Readonly<Record<Purpose, number>> = { prompt: 6, document: 4, blob: 16 };
export const ALL_CONNECTIONS = CONNECTIONS.prompt + CONNECTIONS.document + CONNECTIONS.blob;
/** Callers name hosts. One that is forgotten is met as a new one. */
const MAX_LINES = 2000;

/** Who may send to which host now: nobody where it wants to be left alone or is down, and few where it is mute. */
export class Traffic {
  readonly #backoff: SharedBackoff;
  readonly #timing: Timing;
  /** By host and purpose. */
  readonly #lines = new LRUCache<string, HostLine>({ max: MAX_LINES });

  constructor(backoff: SharedBackoff, timing: Timing) {
    this.#backoff = backoff;
    this.#timing = timing;
  }

  /**
   * Returns when a request may be sent.
   * @throws {Fault} where the host is to be left alone for longer than a worker waits
   * @throws {CacheError} registry_throttled where too much is under way there
   */
  async enter(host: string, purpose: Purpose, signal: AbortSignal | undefined): Promise<Place> {
    await this.#backoff.ready(host, signal);
    await this.#backoff.ready(`${host} ${purpose}`, signal);
    signal?.throwIfAborted();
    const place = await this.#line(host, purpose).enter(signal);
    return {
      answered: () => {
        place.answered();
        this.#backoff.answered(host);
        this.#backoff.answered(`${host} ${purpose}`);
      },
      leave: () => place.leave(),
    };
  }

  /** Draws the conclusion from what a request failed with. @returns what to throw */
  failed(host: string, purpose: Purpose, error: Fault | CacheError): Fault | CacheError {
    if (!(error instanceof Fault) || error.outage === undefined) return error;
    // A host that takes connections may be mute for one purpose and well for another.
    const { message, outage, cause } = error;
    const retryAfterMs = this.#backoff.down(outage === 'host' ? host : `${host} ${purpose}`, message);
    const down = new Fault(message, { outage, retryAfterMs, host, cause });
    this.#line(host, purpose).clear(down);
    return down;
  }

  #line(host: string, purpose: Purpose): HostLine {
    const key = `${host} ${purpose}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = new HostLine(host, CONNECTIONS[purpose], this.#timing);
      this.#lines.set(key, line);
    }
    return line;
  }
}
