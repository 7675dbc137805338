import { type BlobServiceClient, RestError, type UserDelegationKey } from '@azure/storage-blob';
import { type Delegation, type Storage, storing } from '../storage.ts';

const MINUTE = 60_000;
/** A key is good from a little earlier, since storage's clock may run behind ours. */
const START_BEFORE_MS = 5 * MINUTE;
/** Clocks that differ by less are taken for the same: an answer takes time, and its `Date` has whole seconds. */
const MIN_SKEW_MS = MINUTE;
/** How long one key signs URLs. After somebody revoked the account's keys, lookups are mended so soon. */
const SIGNING_MS = 60 * MINUTE;
/** From its start to its end. https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key */
const MAX_KEY_MS = 7 * 24 * 60 * MINUTE;
/** All lookups wait for one request for a key, and the SDK's own time-out does not end a connection that hangs. */
const KEY_TIMEOUT_MS = 30_000;

/**
 * What signs URLs that end at `until` by our clock: one user delegation key for many of them. It is asked for again
 * when it cannot sign one to its end; who asks meanwhile waits for the same request.
 * @throws {CacheError} storage_unavailable
 */
export function delegation(storage: Storage, until: Date, now: Date): Delegation['key'] {
  const kept = storage.delegation;
  if (kept !== undefined && kept.signsUntil >= until) return kept.key;
  const signsUntil = new Date(
    Math.min(until.getTime() + SIGNING_MS, now.getTime() - START_BEFORE_MS + MAX_KEY_MS),
  );
  const key = storing('getting a user delegation key', () => fetchKey(storage.service, now, signsUntil));
  const fetched = { key, signsUntil };
  storage.delegation = fetched;
  key.catch(() => {
    // Whoever waits for it hears of it; the next one asks anew.
    if (storage.delegation === fetched) delete storage.delegation;
  });
  return key;
}

/** Storage judges a key's times by its own clock: where that is another than ours, we ask again with its time. */
async function fetchKey(service: BlobServiceClient, now: Date, end: Date): Delegation['key'] {
  let key: Answered | undefined;
  let failure: unknown;
  try {
    key = await askForKey(service, now, end);
  } catch (error) {
    failure = error;
  }
  const storageTime = key?.date ?? dateOf(failure);
  const aheadMs = storageTime === undefined ? 0 : storageTime.getTime() - now.getTime();
  if (Math.abs(aheadMs) >= MIN_SKEW_MS) {
    const shifted = (time: Date): Date => new Date(time.getTime() + aheadMs);
    return { key: await askForKey(service, shifted(now), shifted(end)), aheadMs };
  }
  if (key === undefined) throw failure;
  return { key, aheadMs: 0 };
}

type Answered = UserDelegationKey & { readonly date?: Date };

async function askForKey(service: BlobServiceClient, now: Date, end: Date): Promise<Answered> {
  const abortSignal = AbortSignal.timeout(KEY_TIMEOUT_MS);
  try {
    const start = new Date(now.getTime() - START_BEFORE_MS);
    return await service.getUserDelegationKey(start, end, { abortSignal });
  } catch (error) {
    if (abortSignal.aborted) throw new Error('timed out', { cause: error });
    throw error;
  }
}

/** The time of an answer that refuses. */
function dateOf(error: unknown): Date | undefined {
  const date = error instanceof RestError ? error.response?.headers.get('date') : undefined;
  const time = new Date(date ?? '');
  return Number.isNaN(time.getTime()) ? undefined : time;
}
