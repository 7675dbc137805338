import { LRUCache } from 'lru-cache';
import { openContents, openGzippedContents } from '../../archive/archiveContents.ts';
import { type ArchiveContents, savedImages } from '../../archive/savedImages.ts';
import { NotAnArchive } from '../../archive/tarEntries.ts';
import type { Storage } from '../storage.ts';
import { Turns } from '../turns.ts';
import { readRange, streamBytes } from './archiveBytes.ts';
import { parseTimes, toMetadata } from './archiveMetadata.ts';
import { uploadName } from './archiveNames.ts';
import { describeUpload } from './describeUpload.ts';
import type { FoundBlob, Repaired } from './repairArchive.ts';
import { writeMetadata } from './writeMetadata.ts';

/**
 * Archives that somebody put there by hand: what they hold is read from them once, and written into their metadata
 * beside what is there. A plain tar costs a few ranged reads. A gzipped one has to be read to its end, so that is done
 * aside, and whoever asks meanwhile is told that it is being read.
 */

/** Why a blob is not served, as a sentence; `unread`: not known yet. */
export type Adoption = Repaired | { readonly reason: string } | 'unread';

/** What was found, by URL and ETag: of what is no archive, and where metadata cannot be written. */
const known = new LRUCache<string, Exclude<Adoption, 'unread'>>({ max: 10_000 });
const reading = new Map<string, Promise<unknown>>();
const plainTurns = new Turns(8);
/** Each takes a connection and a third of a core for as long as it lasts. */
const gzipTurns = new Turns(2);

const GZIP_MAGIC = 0x1f8b;

/** @throws {CacheError} storage_unavailable */
export async function adoptArchive(storage: Storage, found: FoundBlob): Promise<Adoption> {
  if (uploadName(found.blob) === undefined)
    return { reason: 'Its name is not an archive’s: <repository>/<hash>.tar.' };
  const key = `${storage.images.url}/${found.blob} ${found.etag}`;
  const seen = known.get(key);
  if (seen !== undefined) return seen;
  if (reading.has(key)) return 'unread';
  const magic = await firstBytes(storage, found);
  if (magic === GZIP_MAGIC) {
    readAside(key, () => gzipTurns.run(() => adopt(storage, found, key, 'gzip')));
    return 'unread';
  }
  return plainTurns.run(() => adopt(storage, found, key, undefined));
}

/** When all that is being read has been: for whoever rebuilds what is known. */
export async function awaitAdoptions(): Promise<void> {
  while (reading.size > 0) await Promise.allSettled(reading.values());
}

function readAside(key: string, work: () => Promise<unknown>): void {
  const task = work()
    // Whoever asks next has it read again.
    .catch(() => undefined)
    .finally(() => reading.delete(key));
  reading.set(key, task);
}

async function adopt(
  storage: Storage,
  found: FoundBlob,
  key: string,
  encoding: 'gzip' | undefined,
): Promise<Adoption> {
  const { blob, created, modified, metadata, etag } = found;
  try {
    const contents = await contentsOf(storage, found, encoding);
    const described = describeUpload(blob, await savedImages(contents), encoding);
    const image = { ...described, ...parseTimes(metadata, created, modified) };
    const whole = { ...metadata, ...toMetadata(image) };
    const written = await writeMetadata(storage, blob, { ...image, etag, metadata: whole });
    if (written.etag === etag) known.set(key, written);
    return written;
  } catch (error) {
    if (error instanceof Changed) return 'unread';
    if (!(error instanceof NotAnArchive)) throw error;
    const adoption = { reason: error.message };
    known.set(key, adoption);
    return adoption;
  }
}

async function contentsOf(
  storage: Storage,
  { blob, size, etag }: FoundBlob,
  encoding: 'gzip' | undefined,
): Promise<ArchiveContents> {
  if (encoding === undefined)
    return openContents(
      async (start, count) => need(await readRange(storage, blob, start, count, etag)),
      size,
    );
  return openGzippedContents(need(await streamBytes(storage, blob, 0, size, etag)));
}

async function firstBytes(storage: Storage, { blob, size, etag }: FoundBlob): Promise<number | undefined> {
  const bytes = size < 2 ? undefined : await readRange(storage, blob, 0, 2, etag);
  return bytes?.readUInt16BE();
}

/** It was deleted, or written by somebody else, while it was read: whoever looks again sees what it is now. */
class Changed extends Error {}

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new Changed();
  return value;
}
