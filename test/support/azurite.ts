import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { startAzurite } from '../../local/azurite.ts';
import { type Certificate, makeCertificate } from './certificates.ts';
import { removeDirectory, temporaryDirectory } from './process.ts';

export interface TestAzurite {
  readonly connectionString: string;
  close(): Promise<void>;
}

/** The Azurite that the runner (run.ts) has started for all files; in a file that runs alone, one of its own. */
export async function openAzurite(): Promise<TestAzurite> {
  const { TEST_AZURITE: shared } = process.env;
  if (shared !== undefined) return { connectionString: shared, close: () => Promise.resolve() };
  const directory = await temporaryDirectory('storage');
  const azurite = await startAzurite(path.join(directory, 'azurite'));
  return {
    connectionString: azurite.connectionString,
    close: async () => {
      await azurite.close();
      await removeDirectory(directory);
    },
  };
}

export interface SecureAzurite {
  /** What a client has to trust. */
  readonly certificate: Certificate;
  readonly blobServiceUri: string;
  close(): Promise<void>;
}

/** An Azurite of its own that speaks https and takes tokens of Microsoft Entra; needs openssl. */
export async function startSecureAzurite(): Promise<SecureAzurite> {
  const directory = await temporaryDirectory('secure');
  const certificate = await makeCertificate(directory, 'storage');
  const azurite = await startAzurite(path.join(directory, 'azurite'), 'blob', certificate);
  return {
    certificate,
    blobServiceUri: azurite.blobServiceUri,
    close: async () => {
      await azurite.close();
      await removeDirectory(directory);
    },
  };
}

/** The name of a container that no other test uses. */
export function newContainer(name = 'dockerimages'): string {
  return `${name}-${randomBytes(6).toString('hex')}`;
}
