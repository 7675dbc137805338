import { loadConfig, type Config } from './config.ts';
import { RegistryClient } from './registry/client.ts';
import type { RegistryEvent } from './registry/exchange/events.ts';
import { openStorage, type Storage } from './store/storage.ts';

/** What every use case works with: the settings, the account and the way to registries. */
export interface CacheContext {
  readonly config: Config;
  readonly storage: Storage;
  readonly registry: RegistryClient;
}

export async function openContext(
  env: Readonly<Record<string, string | undefined>>,
  log: (event: RegistryEvent) => void,
): Promise<CacheContext> {
  const config = loadConfig(env);
  const { allowedRegistries, insecureRegistries, dockerAuthConfig, acrIdentityClientId } = config;
  return {
    config,
    storage: await openStorage(config.storage, config.imageContainer),
    registry: new RegistryClient({
      allowedRegistries,
      insecureRegistries,
      ...(dockerAuthConfig !== undefined && { dockerAuthConfig }),
      ...(acrIdentityClientId !== undefined && { acrIdentityClientId }),
      log,
    }),
  };
}
