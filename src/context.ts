import type { Config } from './config.ts';
import { RegistryClient } from './registry/client.ts';
import type { RegistryEvent } from './registry/exchange/events.ts';
import { openStorage, type Storage } from './store/storage.ts';

/** What every use case works with: the settings, the account and the way to registries. */
export interface CacheContext {
  readonly config: Config;
  readonly storage: Storage;
  readonly registry: RegistryClient;
}

/** @throws {CacheError} storage_unavailable */
export async function openContext(
  config: Config,
  log: (event: RegistryEvent) => void,
): Promise<CacheContext> {
  const { egress, credentials, acrIdentityClientId } = config;
  return {
    config,
    storage: await openStorage(config.storage, config.imageContainer),
    registry: new RegistryClient({
      egress,
      credentials,
      ...(acrIdentityClientId !== undefined && { acrIdentityClientId }),
      log,
    }),
  };
}
