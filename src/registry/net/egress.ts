import { CacheError } from '../../errors.ts';
import { EgressRules, isAmong } from './egressRules.ts';
import { endpointHost, type HostGroup, type HostPattern, type InsecureHost } from './hostPattern.ts';
import { isAcrStorage, PRIVATE_ENDPOINTS } from './privateEndpoints.ts';

/**
 * Which hosts and addresses the registry client may connect to. Callers choose image names, registries choose
 * realms and redirects, authors of images choose urls, and each of them may be hostile: so every hop asks here.
 *
 * That an operator named a host is a permission to pull from it. It is none for other registries to have anything
 * else of it read: they reach what anybody can, and what the operator said belongs together with them.
 */
export class Egress {
  readonly #allowed: readonly HostPattern[];
  readonly #plain: readonly HostPattern[];
  readonly #local: readonly HostPattern[];
  readonly #groups: readonly (readonly HostPattern[])[];
  /** For hosts that the operator named, where it is their own work. */
  readonly named: EgressRules;
  /** For whatever somebody else leads to: public, over TLS. */
  readonly anyone = new EgressRules({ plain: [], local: [], private: [] });

  /**
   * @param allowed ALLOWED_REGISTRIES: none is every public one; a host without a wildcard may be on a private network
   * @param insecure INSECURE_REGISTRIES: always allowed; on this machine, or over plain http
   */
  constructor(allowed: readonly HostGroup<HostPattern>[], insecure: readonly HostGroup<InsecureHost>[]) {
    const insecureHosts = insecure.flat();
    this.#allowed = allowed.flat();
    this.#plain = insecureHosts.filter(({ isTls }) => !isTls).map(({ pattern }) => pattern);
    this.#local = insecureHosts.map(({ pattern }) => pattern);
    this.#groups = [...allowed, ...insecure.map((group) => group.map(({ pattern }) => pattern))].filter(
      (group) => group.length > 1,
    );
    this.named = new EgressRules({
      plain: this.#plain,
      local: this.#local,
      private: [...this.#allowed.filter(({ wildcard }) => !wildcard), ...PRIVATE_ENDPOINTS],
    });
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
   * The rules for one hop of a registry's work.
   * @param isForeign an image's author chose it, who may be anybody
   */
  rulesFor(registryUrl: URL, hop: URL, isForeign: boolean): EgressRules {
    const isOwn = hop.host === registryUrl.host;
    if (!isForeign && isAcrStorage(registryUrl, hop)) return this.named;
    const belongs = isOwn || this.#groups.some((group) => isAmong(group, registryUrl) && isAmong(group, hop));
    const isNamed = isAmong(this.#allowed, hop) || isAmong(this.#local, hop);
    // A named registry's manifests and blobs are for whoever can ask here: he may as well name it himself.
    return isNamed && (belongs || isPullOf(hop)) ? this.named : this.anyone;
  }
}

/** Whether the address is what a pull by a reference asks for, and nothing else that a host may have. */
function isPullOf({ pathname, search }: URL): boolean {
  return (
    search === '' && /^\/v2\/[a-z0-9]+(?:[._/-]+[a-z0-9]+)*\/(?:manifests|blobs)\/[\w.:-]+$/.test(pathname)
  );
}

function parseUrl(text: string, registry: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw new CacheError('invalid_reference', `"${registry}" is not a registry host.`);
}
