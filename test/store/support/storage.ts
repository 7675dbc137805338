import path from 'node:path';
import { startAzurite } from '../../../local/azurite.ts';
import type { ImageMetadata } from '../../../src/store/archive/archives.ts';
import { sha256Of } from '../../../src/image/digest.ts';
import { openStorage, type Storage } from '../../../src/store/storage.ts';
import { removeDirectory, temporaryDirectory } from '../../support/process.ts';

export interface TestStorage {
  readonly storage: Storage;
  readonly connectionString: string;
  /** Another pair of containers on the same Azurite. */
  open(container: string): Promise<Storage>;
  close(): Promise<void>;
}

/** Azurite in a temporary folder, and this app's containers in it. */
export async function startTestStorage(): Promise<TestStorage> {
  const directory = await temporaryDirectory('storage');
  const azurite = await startAzurite(path.join(directory, 'azurite'));
  const open = (container: string): Promise<Storage> =>
    openStorage({ connectionString: azurite.connectionString }, container);
  return {
    storage: await open('dockerimages'),
    connectionString: azurite.connectionString,
    open,
    close: async () => {
      await azurite.close();
      await removeDirectory(directory);
    },
  };
}

export const METADATA: ImageMetadata = {
  image: `docker.io/library/sample:1@${sha256Of('index')}`,
  platform: { os: 'linux', architecture: 'amd64' },
  manifestDigest: sha256Of('manifest'),
  indexDigest: sha256Of('index'),
  imageId: sha256Of('config'),
  runRef: 'sample:sha256-1',
  createdAt: '2026-01-02T03:04:05Z',
  lastUsed: '2026-01-02T03:04:05Z',
};
