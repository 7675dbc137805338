/** How long the registry client waits for what. Milliseconds, but for the counts. Tests shorten them. */
export interface Timing {
  /** TCP and TLS, together. */
  readonly connectMs: number;
  /** From the request sent to the answer's headers. Registries that assemble a redirect are slow, not dead. */
  readonly headersMs: number;
  /** Waiting for bytes of a body before the connection counts as dead. Not a limit on the whole transfer. */
  readonly stallMs: number;
  /**
   * An open layer that nobody reads on gives its connection back. Somebody else may be waiting for one while
   * holding the memory that this layer's reader is waiting for.
   */
  readonly idleMs: number;
  /** A whole small document: a manifest, a config, a token. A server that drips bytes cannot hold a worker. */
  readonly documentMs: number;
  /** Tries of one step that makes no progress, the first one included. */
  readonly attempts: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  /** A worker costs money while it waits: what asks for more than this is left to the caller's timer. */
  readonly longestWaitMs: number;
  /** A token is replaced this long before it ends, so that none dies on its way. */
  readonly tokenMarginMs: number;
}

export const DEFAULT_TIMING: Timing = {
  connectMs: 10_000,
  headersMs: 30_000,
  stallMs: 30_000,
  idleMs: 60_000,
  documentMs: 60_000,
  attempts: 5,
  backoffFirstMs: 250,
  backoffMaxMs: 4_000,
  longestWaitMs: 5_000,
  tokenMarginMs: 10_000,
};
