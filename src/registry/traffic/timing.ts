/**
 * How long the registry client waits for what: every deadline of a request, whatever the other side sends
 * meanwhile. Milliseconds, but for the counts. Tests shorten them. docs/architecture.md has the deadlines of all
 * layers in one table.
 */
export interface Timing {
  /** The name, TCP and TLS, together. */
  readonly connectMs: number;
  /** From the request to the answer's own headers; answers of the 1xx kind are none. */
  readonly headersMs: number;
  /** The same for a manifest or a blob in a run: a proxy may fetch the whole before it sends the first byte. */
  readonly patientHeadersMs: number;
  /** Waiting for bytes of a body before the connection counts as dead. Not a limit on the whole transfer. */
  readonly stallMs: number;
  /** Waiting time over which a body's rate is measured: one that only drips ends. */
  readonly rateWindowMs: number;
  /**
   * An open layer that nobody reads on gives its connection back. Somebody else may be waiting for one while
   * holding the memory that this layer's reader is waiting for.
   */
  readonly idleMs: number;
  /** A whole small document: a manifest, a config, a token. A server that drips bytes cannot hold a worker. */
  readonly documentMs: number;
  /** A body that is of no interest, such as a redirect's: longer than this costs more than a new connection. */
  readonly discardMs: number;
  /** One token, with all redirects and tries. */
  readonly tokenMs: number;
  /** A host that has not answered anything for so long gets no further requests until it has. */
  readonly doubtMs: number;
  /** Waiting for a connection while all that a host gets are in use. */
  readonly lineMs: number;
  /** A request without an answer for so long is silent; only so many may be, whatever the hosts. */
  readonly silentMs: number;
  /**
   * How long a host that is down is left alone at first; each further failure doubles it. More than `longestWaitMs`, so
   * that whoever is down gets one try each and is waited for by durable timers, which take no worker's place.
   */
  readonly downFirstMs: number;
  readonly downMaxMs: number;
  /** Tries of one step that makes no progress, the first one included. */
  readonly attempts: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  /** A worker costs money while it waits: what asks for more than this is left to the caller's timer. */
  readonly longestWaitMs: number;
  /** A token is replaced this long before it ends, so that none dies on its way. */
  readonly tokenMarginMs: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const DEFAULT_TIMING: Timing = {
  connectMs: 10 * SECOND,
  headersMs: 12 * SECOND,
  patientHeadersMs: 10 * MINUTE,
  stallMs: 30 * SECOND,
  rateWindowMs: 2 * MINUTE,
  idleMs: MINUTE,
  documentMs: MINUTE,
  discardMs: 2 * SECOND,
  tokenMs: MINUTE,
  doubtMs: SECOND,
  lineMs: 20 * SECOND,
  silentMs: 5 * SECOND,
  downFirstMs: 6 * SECOND,
  downMaxMs: 5 * MINUTE,
  attempts: 5,
  backoffFirstMs: 250,
  backoffMaxMs: 4 * SECOND,
  longestWaitMs: 5 * SECOND,
  tokenMarginMs: 10 * SECOND,
};
