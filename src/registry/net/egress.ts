import { isIP } from 'node:net';
import { CacheError } from '../../errors.ts';
import { classifyAddress } from './addresses.ts';
import {
  endpointHost,
  type HostPattern,
  type InsecureHost,
  matchesHost,
  parseHostPattern,
} from './hostPattern.ts';

/**
 * Registries and their storage that may sit on a private address because a private endpoint puts them
 * there. Their zones are Microsoft's: nobody else can point a name in them at somebody's network.
 */
const PRIVATE_ENDPOINTS: readonly HostPattern[] = [
  '*.azurecr.io',
  '*.azurecr.cn',
  '*.azurecr.us',
  '*.blob.core.windows.net',
  '*.blob.core.chinacloudapi.cn',
  '*.blob.core.usgovcloudapi.net',
].map(parseHostPattern);

/**
 * Which hosts and addresses the registry client may connect to. Callers choose image names, registries
 * choose realms and redirects, and either may be hostile: so every hop asks here, by name before it is
 * resolved and by address when it connects.
 */
export class Egress {
  readonly #allowed: readonly HostPattern[];
  /** Reached over plain http. */
  readonly #plain: readonly HostPattern[];
  /** May be on this machine: the plain ones, and those that are spoken to over TLS. */
  readonly #local: readonly HostPattern[];

  /**
   * @param allowed ALLOWED_REGISTRIES: none is every public one; a host without a wildcard may be on a private network
   * @param insecure INSECURE_REGISTRIES: always allowed
   */
  constructor(allowed: readonly HostPattern[], insecure: readonly InsecureHost[]) {
    this.#allowed = allowed;
    this.#plain = insecure.filter(({ isTls }) => !isTls).map(({ pattern }) => pattern);
    this.#local = insecure.map(({ pattern }) => pattern);
  }

  /**
   * Where a registry's API is.
   * @throws {CacheError} registry_not_allowed where ALLOWED_REGISTRIES does not have it
   */
  registryUrl(registry: string): URL {
    const host = endpointHost(registry);
    const plain = parseUrl(`http://${host}/`, registry);
    if (isAmong(this.#plain, plain)) return plain;
    const secure = parseUrl(`https://${host}/`, registry);
    const anyPublic = this.#allowed.length === 0;
    if (anyPublic || isAmong(this.#allowed, secure) || isAmong(this.#local, secure)) return secure;
    throw new CacheError(
      'registry_not_allowed',
      `Images from ${registry} are not allowed here. An operator can add the host to ALLOWED_REGISTRIES.`,
    );
  }

  /**
   * Judges by name, any hop.
   * @returns registry_not_allowed for a scheme other than https, unless the operator made the host an insecure
   * registry, and for an address written out that no name would be allowed to resolve to
   */
  refusalOf(url: URL): CacheError | undefined {
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isAmong(this.#plain, url))) {
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
    if (kind === 'private' && this.#mayBePrivate(origin)) return undefined;
    if (kind !== 'forbidden' && isAmong(this.#local, origin)) return undefined;
    // The address stays out of the message: it would tell a caller how the inside of a network is laid out.
    return new CacheError(
      'registry_not_allowed',
      `A connection to ${printableHost(origin)} was refused: it is on a ${kind === 'private' ? 'private' : 'local or reserved'} network address. ` +
        (kind === 'private'
          ? 'An operator can name the host, without a wildcard, in ALLOWED_REGISTRIES.'
          : 'Only a host that an operator named in INSECURE_REGISTRIES may be there.'),
    );
  }

  #mayBePrivate(origin: URL): boolean {
    if (origin.protocol !== 'https:') return false;
    const named = this.#allowed.filter(({ wildcard }) => !wildcard);
    return isAmong(PRIVATE_ENDPOINTS, origin) || isAmong(named, origin);
  }
}

function isAmong(patterns: readonly HostPattern[], url: URL): boolean {
  return patterns.some((pattern) => matchesHost(pattern, url));
}

function parseUrl(text: string, registry: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw new CacheError('invalid_reference', `"${registry}" is not a registry host.`);
}

export function printableHost(url: URL): string {
  return url.host.slice(0, 260);
}
