import type { LookupAddress } from 'node:dns';
import type { LookupFunction, Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { EgressRules } from './egressRules.ts';
import { MendedSocket } from './mendedSocket.ts';
import { resolveName } from './resolveName.ts';

/** Resolves a name to every address it has, as `dns.promises.lookup(name, { all: true })` does. */
export type Lookup = (hostname: string) => Promise<readonly LookupAddress[]>;

/** Node gives each of a host's addresses 250 ms, which fails on every distant host that has two. */
const ATTEMPT_PER_ADDRESS_MS = 2_000;

export interface ConnectorOptions {
  readonly egress: EgressRules;
  /** Milliseconds for TCP and TLS together. */
  readonly connectMs: number;
  /** In place of the machine's name servers. */
  readonly lookup?: Lookup | undefined;
  /** Bytes of an answer's head up to which it is mended; where nothing is said, it is taken as it comes. */
  readonly mendHeads?: number | undefined;
}

/**
 * Connects to one origin, only ever to addresses that the egress rules allow for it. Its error is the rules'
 * CacheError where they refuse, otherwise what Node or the lookup failed with.
 */
export function connectorTo(origin: URL, options: ConnectorOptions): buildConnector.connector {
  const { egress, connectMs, lookup = (name: string) => resolveName(name), mendHeads } = options;
  const connect = buildConnector({
    allowH2: false,
    timeout: connectMs,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_PER_ADDRESS_MS,
    lookup: checkedLookup(origin, egress, lookup),
  });
  return (target, callback) => {
    // An address written out never reaches the lookup.
    const refusal = egress.refusalOf(origin);
    if (refusal !== undefined) {
      callback(refusal, null);
      return;
    }
    connect(target, (...result) => {
      const [error, socket] = result;
      // The same rule once more on what the socket says, should a resolver ever get past the lookup.
      const address = socket?.remoteAddress;
      const late = address === undefined ? undefined : egress.refusalOfAddress(origin, address);
      if (late !== undefined) {
        socket?.destroy();
        callback(late, null);
      } else if (error === null && mendHeads !== undefined) {
        // undici asks of it only what any Duplex has, and for less where it has less.
        callback(null, new MendedSocket(socket, mendHeads) as unknown as Socket);
      } else {
        callback(...result);
      }
    });
  };
}

function checkedLookup(origin: URL, egress: EgressRules, lookup: Lookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname).then(
      (addresses) => {
        // One forbidden address among good ones is how rebinding looks: the name as a whole is refused.
        const refusal = addresses
          .map(({ address }) => egress.refusalOfAddress(origin, address))
          .find((one) => one !== undefined);
        const [first] = addresses;
        if (refusal !== undefined) callback(refusal, []);
        else if (first === undefined) callback(new Error(`${hostname} has no address`), []);
        else if (options.all === true) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => {
        callback(
          error instanceof Error ? error : new Error(`no lookup of ${hostname}`, { cause: error }),
          [],
        );
      },
    );
  };
}
