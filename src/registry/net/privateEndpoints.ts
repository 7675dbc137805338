import { type HostPattern, matchesHost, parseHostPattern } from './hostPattern.ts';

/** Azure's clouds: where a registry is, and where the storage of all registries is. */
const CLOUDS = [
  { registry: '.azurecr.io', storage: '.blob.core.windows.net' },
  { registry: '.azurecr.cn', storage: '.blob.core.chinacloudapi.cn' },
  { registry: '.azurecr.us', storage: '.blob.core.usgovcloudapi.net' },
] as const;

/**
 * Registries and their storage that may sit on a private address because a private endpoint puts them there. Their
 * zones are Microsoft's: nobody else can point a name in them at somebody's network.
 * https://learn.microsoft.com/azure/container-registry/container-registry-private-link
 */
export const PRIVATE_ENDPOINTS: readonly HostPattern[] = CLOUDS.flatMap(({ registry, storage }) => [
  parseHostPattern(`*${registry}`),
  parseHostPattern(`*${storage}`),
]);

/**
 * Whether the hop is a place of this very Azure registry: itself, its data endpoint, or blob storage, whose
 * addresses only Azure's own registry service signs. Any other registry has no business in a private endpoint.
 */
export function isAcrStorage(registryUrl: URL, hop: URL): boolean {
  const cloud = CLOUDS.find(({ registry }) => registryUrl.hostname.endsWith(registry));
  if (cloud === undefined || !PRIVATE_ENDPOINTS.some((pattern) => matchesHost(pattern, hop))) return false;
  const name = registryUrl.hostname.slice(0, -cloud.registry.length);
  return (
    hop.host === registryUrl.host ||
    hop.hostname.endsWith(cloud.storage) ||
    (hop.hostname.startsWith(`${name}.`) && hop.hostname.endsWith(`.data${cloud.registry}`))
  );
}
