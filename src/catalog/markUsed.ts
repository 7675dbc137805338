import { LRUCache } from 'lru-cache';
import { isoSeconds } from '../store/archive/archiveMetadata.ts';
import { type CachedImage, touchArchive } from '../store/archive/archives.ts';
import type { Storage } from '../store/storage.ts';

/** A stamp that this process sets, or has set. */
interface Stamp {
  /** ISO 8601 in UTC, whole seconds. */
  readonly at: string;
  /** The ETag that the archive had before. */
  readonly replaced: string;
  isUnderWay: boolean;
  /** Undefined where the archive is gone. */
  readonly stamped: Promise<CachedImage | undefined>;
}

/** The last stamp of each archive, by blob: a crowd that looks one image up at once writes it once. */
const stamps = new WeakMap<Storage, LRUCache<string, Stamp>>();

/**
 * Stamps `lastused` where the last stamp is old enough: at most one write in that time, of this process, however many
 * ask at once. Undefined where the archive is gone.
 * @param resolutionSeconds a stamp younger than this stays as it is; 0 stamps every time, but for those within a second
 */
export async function markUsed(
  storage: Storage,
  cached: CachedImage,
  resolutionSeconds: number,
  now: Date,
): Promise<CachedImage | undefined> {
  const due = isoSeconds(new Date(now.getTime() - resolutionSeconds * 1000));
  if (resolutionSeconds !== 0 && cached.lastUsed > due) return cached;
  const known = stamps.get(storage) ?? new LRUCache<string, Stamp>({ max: 10_000 });
  stamps.set(storage, known);
  const shared = known.get(cached.blob);
  // Who read the archive before it was stamped sees an old date. One that was set back since is another.
  const isSame = shared?.isUnderWay === true || shared?.replaced === cached.etag;
  if (shared !== undefined && isSame && (resolutionSeconds === 0 ? shared.at >= due : shared.at > due)) {
    const other = await shared.stamped.catch(() => undefined);
    if (other !== undefined) return { ...cached, lastUsed: other.lastUsed };
  }
  const stamped = touchArchive(storage, cached, now);
  const stamp: Stamp = { at: isoSeconds(now), replaced: cached.etag, isUnderWay: true, stamped };
  known.set(cached.blob, stamp);
  const forget = (): void => {
    if (known.get(cached.blob) === stamp) known.delete(cached.blob);
  };
  try {
    const result = await stamped;
    if (result === undefined) forget();
    return result;
  } catch (error) {
    forget();
    throw error;
  } finally {
    stamp.isUnderWay = false;
  }
}
