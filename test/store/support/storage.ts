import type { ImageMetadata } from '../../../src/store/archive/archiveMetadata.ts';
import { runReference } from '../../../src/image/reference.ts';
import { archiveName } from '../../../src/store/archive/archiveNames.ts';
import { sha256Of } from '../../../src/image/digest.ts';
import { connectStorage, openStorage, type Storage } from '../../../src/store/storage.ts';
import { newContainer, openAzurite } from '../../support/azurite.ts';

export interface TestStorage {
  readonly storage: Storage;
  readonly connectionString: string;
  /** Another pair of containers on the same Azurite, whose names begin like this. */
  open(container: string): Promise<Storage>;
  close(): Promise<void>;
}

/** Azurite, and containers in it that no other test uses. */
export async function startTestStorage(): Promise<TestStorage> {
  const azurite = await openAzurite();
  const { connectionString } = azurite;
  const open = (container?: string): Promise<Storage> =>
    openStorage({ service: connectStorage(connectionString) }, newContainer(container));
  return { storage: await open(), connectionString, open, close: () => azurite.close() };
}

const SAMPLE = { registry: 'docker.io', repository: 'library/sample' };

/** The name of the archive that METADATA is of. */
export const SAMPLE_BLOB = archiveName(SAMPLE, sha256Of('manifest'));

export const METADATA: ImageMetadata = {
  image: `docker.io/library/sample:1@${sha256Of('index')}`,
  platform: { os: 'linux', architecture: 'amd64' },
  manifestDigest: sha256Of('manifest'),
  indexDigest: sha256Of('index'),
  imageId: sha256Of('config'),
  layerCount: 1,
  compression: 'gzip',
  runRef: runReference(SAMPLE, sha256Of('manifest')),
  createdAt: '2026-01-02T03:04:05Z',
  lastUsed: '2026-01-02T03:04:05Z',
};

/** The same image in another repository of Docker Hub. */
export function sampleIn(repository: string): { readonly blob: string; readonly image: ImageMetadata } {
  const name = { ...SAMPLE, repository };
  const image = `docker.io/${repository}:1@${sha256Of('index')}`;
  const { manifestDigest } = METADATA;
  return {
    blob: archiveName(name, manifestDigest),
    image: { ...METADATA, image, runRef: runReference(name, manifestDigest) },
  };
}
