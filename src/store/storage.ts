import { buffer } from 'node:stream/consumers';
import type { TokenCredential } from '@azure/identity';
import {
  type BlobClient,
  type BlobDownloadResponseParsed,
  BlobServiceClient,
  type ContainerClient,
  RestError,
  StorageSharedKeyCredential,
  type UserDelegationKey,
} from '@azure/storage-blob';
import { CacheError, SettingError } from '../errors.ts';

/** How the archives' storage account is reached. */
export type StorageSetting =
  | { readonly service: BlobServiceClient }
  /** By managed identity. */
  | { readonly blobServiceUri: string; readonly clientId?: string };

/** The two containers: the archives, which are the truth, and the hints about them, which can be rebuilt. */
export interface Storage {
  readonly service: BlobServiceClient;
  readonly images: ContainerClient;
  readonly index: ContainerClient;
  /** Set where URLs are signed with the account's key; otherwise a user delegation key signs them. */
  readonly sharedKey: StorageSharedKeyCredential | undefined;
  /** The key that signs URLs where there is no shared one, or is being fetched; readUrl.ts keeps it. */
  delegation?: Delegation;
}

/** A user delegation key, and until when it is good. */
export interface Delegation {
  readonly key: Promise<UserDelegationKey>;
  readonly expires: Date;
}

/** Tries of one storage call. The SDK backs off exponentially between them. */
const RETRY = { maxTries: 4, tryTimeoutInMs: 120_000, retryDelayInMs: 500, maxRetryDelayInMs: 8_000 };

/** How long storage takes to delete a container, at least. */
const CONTAINER_DELETION_SECONDS = 30;

/**
 * Connects to the account and makes the containers where they are missing.
 * @throws {CacheError} storage_unavailable
 */
export async function openStorage(setting: StorageSetting, container: string): Promise<Storage> {
  const service =
    'service' in setting
      ? setting.service
      : new BlobServiceClient(setting.blobServiceUri, await identity(setting.clientId), {
          retryOptions: RETRY,
        });
  const storage: Storage = {
    service,
    images: service.getContainerClient(container),
    index: service.getContainerClient(`${container}-index`),
    sharedKey: service.credential instanceof StorageSharedKeyCredential ? service.credential : undefined,
  };
  await makeContainers(storage);
  return storage;
}

/**
 * Makes the containers where they are missing.
 * @throws {CacheError} storage_unavailable where the archives have none; without the hints' one the service works
 */
export async function makeContainers({ images, index }: Storage): Promise<void> {
  const make = 'opening its containers';
  await Promise.all([
    storing(make, () => images.createIfNotExists()),
    storing(make, () => index.createIfNotExists()).catch((error: unknown) => {
      if (!(error instanceof CacheError && isContainerGone(error.cause))) throw error;
    }),
  ]);
}

/**
 * The account of a connection string; nothing is sent yet.
 * @throws {SettingError} where it cannot be used; the string is never quoted
 */
export function connectStorage(connectionString: string): BlobServiceClient {
  let service: BlobServiceClient | undefined;
  try {
    service = BlobServiceClient.fromConnectionString(connectionString, { retryOptions: RETRY });
  } catch {
    // The SDK's own message may quote the string, and with it the key.
  }
  if (service?.credential instanceof StorageSharedKeyCredential) return service;
  throw new SettingError(
    `IMAGE_STORAGE (or AzureWebJobsStorage) is not a storage connection string with the account's key, which signs the URLs of lookups. To do without a key, set IMAGE_STORAGE__blobServiceUri.`,
  );
}

/** Loaded only where needed: the module takes half a second to start. */
async function identity(clientId: string | undefined): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
}

/**
 * Runs a storage call; what goes wrong in it becomes `storage_unavailable`, without the URL, which may carry a
 * signature. Callers that expect a status (404, 409, 412) test it with `hasStatus` inside `call`.
 */
export async function storing<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof CacheError || isAbort(error)) throw error;
    if (isContainerGone(error)) {
      throw new CacheError(
        'storage_unavailable',
        `The storage account failed at ${what}: its container was deleted, and can be made again in about half a minute. Try again then.`,
        { cause: error, retryAfterSeconds: CONTAINER_DELETION_SECONDS },
      );
    }
    const code = error instanceof RestError ? (error.code ?? error.statusCode ?? 'no answer') : 'error';
    const denied = error instanceof RestError && (error.statusCode === 401 || error.statusCode === 403);
    throw new CacheError(
      'storage_unavailable',
      denied
        ? `The storage account refused ${what} (${code}). The app's identity needs the role Storage Blob Data Contributor, or the right key.`
        : `The storage account failed at ${what} (${code}). Try again; if it stays, look at the account's health and network rules.`,
      { cause: error },
    );
  }
}

/**
 * As storing, for a write: where the container is missing, it is made, and the write is done again. Somebody may delete
 * a container while the app runs.
 */
export function writing<T>(what: string, container: ContainerClient, call: () => Promise<T>): Promise<T> {
  return storing(what, async () => {
    try {
      return await call();
    } catch (error) {
      if (!isContainerMissing(error)) throw error;
      await container.createIfNotExists();
      return call();
    }
  });
}

/** As storing; undefined where storage says that there is no such blob (or container). */
export function findIn<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
  return storing(what, async () => {
    try {
      return await call();
    } catch (error) {
      if (hasStatus(error, 404) || isContainerGone(error)) return undefined;
      throw error;
    }
  });
}

/** A small blob, or its first `count` bytes, with one request. Undefined where there is none. */
export function readBlob(
  what: string,
  client: BlobClient,
  count?: number,
): Promise<{ readonly bytes: Buffer; readonly contentType: string; readonly etag: string } | undefined> {
  return findIn(what, async () => {
    const answer = await client.download(0, count);
    const { contentType = '', etag = '' } = answer;
    return { bytes: await buffer(bodyOf(answer)), contentType, etag };
  });
}

/** A download's bytes as a stream, which outside of browsers every download has. */
export function bodyOf({ readableStreamBody }: BlobDownloadResponseParsed): NodeJS.ReadableStream {
  if (readableStreamBody === undefined) throw new Error('A download has no body.');
  return readableStreamBody;
}

export function hasStatus(error: unknown, ...statuses: number[]): boolean {
  return error instanceof RestError && error.statusCode !== undefined && statuses.includes(error.statusCode);
}

/** There is no such container; whoever writes makes it again. */
export function isContainerMissing(error: unknown): boolean {
  return errorCode(error) === 'ContainerNotFound';
}

/**
 * A container that was deleted a moment ago: storage refuses all calls, and one of the same name, for a while.
 * https://learn.microsoft.com/rest/api/storageservices/delete-container#remarks
 */
function isContainerGone(error: unknown): boolean {
  return errorCode(error) === 'ContainerBeingDeleted';
}

/** Storage's own code; an answer to HEAD has no body, which the SDK takes it from. */
function errorCode(error: unknown): string | undefined {
  if (!(error instanceof RestError)) return undefined;
  return error.code ?? error.response?.headers.get('x-ms-error-code');
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
