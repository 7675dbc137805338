import { isIP } from 'node:net';
import { CacheError } from '../../errors.ts';
import { classifyAddress } from './addresses.ts';
import { type HostPattern, matchesHost } from './hostPattern.ts';

export interface ReachableHosts {
  /** Spoken to over plain http. */
  readonly plain: readonly HostPattern[];
  /** May be on this machine. */
  readonly local: readonly HostPattern[];
  /** May be on a private network, over TLS. */
  readonly private: readonly HostPattern[];
}

/** What connections may be made, by name before it is resolved and by address when one is made. */
export class EgressRules {
  readonly #hosts: ReachableHosts;

  constructor(hosts: ReachableHosts) {
    this.#hosts = hosts;
  }

  /**
   * Judges by name.
   * @returns registry_not_allowed for a scheme other than https, unless the operator made the host an insecure
   * registry, and for an address written out that no name would be allowed to resolve to
   */
  refusalOf(url: URL): CacheError | undefined {
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isAmong(this.#hosts.plain, url))) {
      return new CacheError(
        'registry_not_allowed',
        `A connection to ${printableHost(url)} was refused: only https is used. An operator can add the host to INSECURE_REGISTRIES to use plain http.`,
      );
    }
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    return isIP(literal) === 0 ? undefined : this.refusalOfAddress(url, literal);
  }

  /** Judges the address that a connection to this origin uses. @returns registry_not_allowed where it may not */
  refusalOfAddress(origin: URL, address: string): CacheError | undefined {
    const kind = classifyAddress(address);
    if (kind === 'public') return undefined;
    if (kind === 'private' && origin.protocol === 'https:' && isAmong(this.#hosts.private, origin))
      return undefined;
    if (kind !== 'forbidden' && isAmong(this.#hosts.local, origin)) return undefined;
    // The address stays out of the message: it would tell a caller how the inside of a network is laid out.
    return new CacheError(
      'registry_not_allowed',
      `A connection to ${printableHost(origin)} was refused: it is on a ${kind === 'private' ? 'private' : 'local or reserved'} network address. ` +
        (kind === 'private'
          ? 'An operator can name the host, without a wildcard, in ALLOWED_REGISTRIES.'
          : 'Only a host that an operator named in INSECURE_REGISTRIES may be there.'),
    );
  }
}

export function isAmong(patterns: readonly HostPattern[], url: URL): boolean {
  return patterns.some((pattern) => matchesHost(pattern, url));
}

export function printableHost(url: URL): string {
  return url.host.slice(0, 260);
}
