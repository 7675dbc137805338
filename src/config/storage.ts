import { SettingError } from '../errors.ts';
import type { IdentitySetting } from '../identity.ts';
import { connectStorage, type StorageSetting } from '../store/storage.ts';
import { bad, clientId, type Environment, text } from './values.ts';

/** How Azure Functions names a connection by identity; the host knows more members, which are of no use for blobs. */
export function storageSetting(env: Environment): StorageSetting {
  for (const name of ['IMAGE_STORAGE', 'AzureWebJobsStorage']) {
    const connectionString = text(env, name);
    if (connectionString !== undefined) return { service: connectStorage(connectionString) };
    const account = text(env, `${name}__accountName`);
    // Anything else would make another host of the URL.
    if (account !== undefined && !/^[a-z0-9]{3,24}$/.test(account))
      throw bad(`${name}__accountName`, account, "a storage account's name: 3 to 24 letters and digits");
    const identity = identitySetting(env, name);
    const uri =
      text(env, `${name}__blobServiceUri`) ?? (account && `https://${account}.blob.core.windows.net`);
    if (uri !== undefined)
      return { blobServiceUri: blobServiceUri(`${name}__blobServiceUri`, uri), ...identity };
    const [member] = Object.keys(identity);
    if (member !== undefined)
      throw new SettingError(
        `The setting ${name} names an identity (${member}) but no account to use it for: set ${name}__blobServiceUri to the URL of its blob service.`,
      );
  }
  throw new SettingError(
    'No storage is set: set IMAGE_STORAGE to a connection string, or IMAGE_STORAGE__blobServiceUri to the URL of a blob service reached by managed identity.',
  );
}

/** https://learn.microsoft.com/azure/azure-functions/functions-reference#common-properties-for-identity-based-connections */
function identitySetting(env: Environment, name: string): IdentitySetting {
  const credential = text(env, `${name}__credential`);
  if (credential !== undefined && credential !== 'managedidentity')
    throw bad(`${name}__credential`, credential, 'managedidentity, or not set');
  const client = clientId(env, `${name}__clientId`);
  const resource = text(env, `${name}__managedIdentityResourceId`);
  if (client !== undefined && resource !== undefined)
    throw bad(`${name}__managedIdentityResourceId`, resource, `left out where ${name}__clientId is set`);
  return {
    ...(client !== undefined && { clientId: client }),
    ...(resource !== undefined && { resourceId: resource }),
  };
}

/** A signature in it would go into every URL that is made of it. */
function blobServiceUri(name: string, uri: string): string {
  const { protocol = '', search, hash, username, password } = URL.canParse(uri) ? new URL(uri) : {};
  if (protocol === 'https:' && !search && !hash && !username && !password) return uri;
  // Without name, password and query, which a URL may have.
  const shown = uri.replace(/[?#].*$/s, '').replace(/\/\/.*@/s, '//');
  throw bad(name, shown, 'the https URL of a blob service, without a signature');
}
