import { isObject, parseJsonObject } from '../../image/json.ts';
import { readBlob, type Storage } from '../storage.ts';
import { deleteHint, listHints } from './hints.ts';
import { writeHint } from './writeHint.ts';

/**
 * Statistics: a small document per UTC day, with what happened in each hour. A block blob that is read and written
 * again under its ETag, not an append blob: it stays as small however many processes count, so that reading 90 days
 * costs 90 small requests, and an append blob would be full after 50,000 appends.
 */

/** Lookups of an hour, by how they ended. */
export interface LookupCounts {
  readonly hits: number;
  readonly stale: number;
  readonly pending: number;
  readonly misses: number;
  readonly failed: number;
}

/** What is known of an hour. */
export interface HourStatistics extends Partial<LookupCounts> {
  /** What the store held when it was measured last in this hour. */
  readonly images?: number;
  readonly bytes?: number;
}

/** By the hour's beginning, as in `2026-11-25T14:00:00Z`. */
export type Hours = ReadonlyMap<string, HourStatistics>;

/** How far back statistics are kept, in days: as far as the API lets anybody ask. */
export const KEPT_DAYS = 90;

const FOLDER = 'statistics/';
const COUNTED = ['hits', 'stale', 'pending', 'misses', 'failed'] as const;
const MEASURED = ['images', 'bytes'] as const;
const HOUR = /^\d{4}-\d\d-\d\dT\d\d:00:00Z$/;
/** Tries of one write, where other processes are faster. */
const MAX_TRIES = 4;

/** The beginning of a time's hour. */
export function hourOf(time: Date): string {
  return `${time.toISOString().slice(0, 13)}:00:00Z`;
}

/** The UTC day of an hour or a time, as in `2026-11-25`. */
export function dayOf(time: string | Date): string {
  return (typeof time === 'string' ? time : time.toISOString()).slice(0, 10);
}

export async function readDay(storage: Storage, day: string): Promise<Hours> {
  return (await read(storage, day)).hours;
}

/**
 * Adds counts to those of an hour, and puts sizes in the place of those that were measured before. Where storage fails,
 * what is added is lost, which is no error of what is being done.
 * @returns false where other processes were faster each time: then it is to be added later
 */
export async function addToHour(storage: Storage, hour: string, added: HourStatistics): Promise<boolean> {
  const day = dayOf(hour);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { hours, etag } = await read(storage, day);
    const all = new Map(hours).set(hour, sum(hours.get(hour) ?? {}, added));
    const text = JSON.stringify(Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1))));
    if (await writeHint(storage, dayName(day), text, { ifMatch: etag ?? null })) return true;
  }
  return false;
}

/** Deletes the days before this one. */
export async function deleteDaysBefore(storage: Storage, day: string): Promise<void> {
  for await (const { name } of listHints(storage, FOLDER))
    if (name < dayName(day)) await deleteHint(storage, name);
}

/** Counts add up; of sizes the later ones count. */
export function sum(a: HourStatistics, b: HourStatistics): HourStatistics {
  const counts = COUNTED.flatMap((name) => {
    const count = (a[name] ?? 0) + (b[name] ?? 0);
    return count === 0 ? [] : [[name, count] as const];
  });
  return { ...sizes(a), ...sizes(b), ...Object.fromEntries(counts) };
}

function sizes({ images, bytes }: HourStatistics): HourStatistics {
  return { ...(images !== undefined && { images }), ...(bytes !== undefined && { bytes }) };
}

function dayName(day: string): string {
  return `${FOLDER}${day}.json`;
}

async function read(
  storage: Storage,
  day: string,
): Promise<{ readonly hours: Hours; readonly etag: string | undefined }> {
  const client = storage.index.getBlobClient(dayName(day));
  const found = await readBlob('reading statistics', client);
  return { hours: parseDay(day, found?.bytes.toString('utf8') ?? ''), etag: found?.etag };
}

/** What cannot be read is left out. */
function parseDay(day: string, text: string): Hours {
  const hours = new Map<string, HourStatistics>();
  for (const [hour, value] of Object.entries(parseJsonObject(text) ?? {})) {
    if (!HOUR.test(hour) || dayOf(hour) !== day || !isObject(value)) continue;
    const known = [...COUNTED, ...MEASURED].flatMap((name) => {
      const number = value[name];
      return Number.isSafeInteger(number) && (number as number) >= 0
        ? [[name, number as number] as const]
        : [];
    });
    hours.set(hour, Object.fromEntries(known));
  }
  return hours;
}
