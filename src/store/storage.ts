import { buffer } from 'node:stream/consumers';
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
import { type IdentitySetting, openCredential } from '../identity.ts';
import { accountOf, errorCode, remedyFor } from './refusals.ts';
import { StorageCredential } from './storageCredential.ts';

/** How the archives' storage account is reached. */
export type StorageSetting =
  | { readonly service: BlobServiceClient }
  /** By an identity of Microsoft Entra. */
  | ({ readonly blobServiceUri: string } & IdentitySetting);

/** The two containers: the archives, which are the truth, and the hints about them, which can be rebuilt. */
export interface Storage {
  readonly service: BlobServiceClient;
  readonly images: ContainerClient;
  readonly index: ContainerClient;
  /** Set where URLs are signed with the account's key; otherwise a user delegation key signs them. */
  readonly sharedKey: StorageSharedKeyCredential | undefined;
  /** What signs URLs where there is no shared key, or is being fetched; delegation.ts keeps it. */
  delegation?: Delegation;
}

/** A user delegation key, and how far it goes. */
export interface Delegation {
  readonly key: Promise<{
    readonly key: UserDelegationKey;
    /** By how much storage's clock is ahead of ours, in milliseconds; 0 where it is as good as the same. */
    readonly aheadMs: number;
  }>;
  /** The latest end, by our clock, of a URL that it can sign. */
  readonly signsUntil: Date;
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
      : new BlobServiceClient(setting.blobServiceUri, await identity(setting), { retryOptions: RETRY });
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

async function identity({
  blobServiceUri,
  ...setting
}: { readonly blobServiceUri: string } & IdentitySetting): Promise<StorageCredential> {
  return new StorageCredential(await openCredential(setting), setting, new URL(blobServiceUri).host);
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
        `The storage account${accountOf(error)} failed at ${what}: its container was deleted, and can be made again in about half a minute. Try again then.`,
        { cause: error, retryAfterSeconds: CONTAINER_DELETION_SECONDS },
      );
    }
    const code = errorCode(error);
    const shown = code ?? (error instanceof RestError ? (error.statusCode ?? 'no answer') : 'error');
    throw new CacheError(
      'storage_unavailable',
      hasStatus(error, 401, 403)
        ? `The storage account${accountOf(error)} refused ${what} (${shown}). ${remedyFor(code)}`
        : `The storage account${accountOf(error)} failed at ${what} (${shown}). Try again; if it stays, look at the account's health and network rules.`,
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

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
