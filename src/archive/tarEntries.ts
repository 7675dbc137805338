import { padded, TAR_BLOCK, TAR_END_BYTES } from './tarHeader.ts';

/** One entry of a tar that somebody else wrote. */
export interface TarEntry {
  readonly path: string;
  readonly type: 'file' | 'link' | 'other';
  /** Bytes of its content. */
  readonly size: number;
  /** Of its content's first byte, from the tar's own. */
  readonly start: number;
  /** Where a link leads, as it stands there. */
  readonly target: string;
}

/** Reads `count` bytes at `start`, both within the archive. */
export type ReadBytes = (start: number, count: number) => Promise<Uint8Array>;

/** It is not an archive of an image, or not a whole one. The message is a sentence that says why. */
export class NotAnArchive extends Error {
  override readonly name = 'NotAnArchive';
}

/** What one read takes: small entries that follow one another come with one request. */
const WINDOW_BYTES = 64 * 1024;
/** An image has two for each of at most 1,000 layers; Docker's older archives have four. */
const MAX_ENTRIES = 10_000;
/** Of a pax or GNU record, which holds a path or two. */
const MAX_RECORD_BYTES = 256 * 1024;

const REGULAR = new Set(['0', '\0', '7']);

/**
 * The entries of a tar, by their headers alone: what lies between is not read. POSIX ustar and pax, and GNU's long names
 * and large sizes. https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06
 * @param size bytes of the tar
 * @throws {NotAnArchive} where it is none, or does not come to its end
 */
export async function tarEntries(read: ReadBytes, size: number): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const bytesAt = windowed(read, size);
  let told: Told = {};
  for (let at = 0; ;) {
    if (at + TAR_BLOCK > size) throw new NotAnArchive('It is cut short: it has no end.');
    const header = await bytesAt(at, TAR_BLOCK);
    if (isEmpty(header)) {
      const isEnded = at + TAR_END_BYTES <= size && isEmpty(await bytesAt(at + TAR_BLOCK, TAR_BLOCK));
      if (isEnded) return entries;
      throw new NotAnArchive('It is cut short: it has no end.');
    }
    if (!hasChecksum(header)) {
      throw new NotAnArchive(at === 0 ? 'It is not a tar.' : `It is damaged: no entry begins at byte ${at}.`);
    }
    const type = latin1(header, 156, 1);
    const start = at + TAR_BLOCK;
    const ownSize = told.size ?? numberAt(header, 124, 12);
    if (!Number.isSafeInteger(ownSize) || start + padded(ownSize) > size)
      throw new NotAnArchive(`It is cut short: the entry at byte ${at} is longer than what is left.`);
    at = start + padded(ownSize);
    if ('xLKg'.includes(type) && type !== '') {
      if (ownSize > MAX_RECORD_BYTES) throw new NotAnArchive('It has a header of absurd length.');
      const record = Buffer.from(await bytesAt(start, ownSize));
      told = { ...told, ...toldBy(type, record) };
      continue;
    }
    const prefix = latin1(header, 257, 6) === 'ustar' ? latin1(header, 345, 155) : '';
    const path = told.path ?? (prefix === '' ? '' : `${prefix}/`) + utf8(header, 0, 100);
    entries.push({
      path: normalised(path),
      type: REGULAR.has(type === '' ? '\0' : type) ? 'file' : type === '1' || type === '2' ? 'link' : 'other',
      size: ownSize,
      start,
      target: told.target ?? utf8(header, 157, 100),
    });
    if (entries.length > MAX_ENTRIES) throw new NotAnArchive(`It has more than ${MAX_ENTRIES} entries.`);
    told = {};
  }
}

/** What the records in front of an entry say of it. */
interface Told {
  readonly path?: string;
  readonly target?: string;
  readonly size?: number;
}

function toldBy(type: string, record: Buffer): Told {
  const text = record.toString('utf8').replace(/\0.*$/s, '');
  if (type === 'L') return { path: text };
  if (type === 'K') return { target: text };
  // Of what holds for all entries nothing matters here.
  if (type === 'g') return {};
  const { path, linkpath, size } = paxRecords(record);
  return {
    ...(path !== undefined && { path }),
    ...(linkpath !== undefined && { target: linkpath }),
    ...(size !== undefined && { size: Number(size) }),
  };
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits, in bytes. */
function paxRecords(bytes: Buffer): Readonly<Record<string, string | undefined>> {
  const records: Record<string, string> = {};
  for (let at = 0; at < bytes.length;) {
    const length = Number.parseInt(bytes.toString('latin1', at, at + 12), 10);
    if (!(length > 0)) break;
    const [, key, value] =
      /^\d+ ([^=]+)=(.*)\n$/s.exec(bytes.toString('utf8', at, Math.min(at + length, bytes.length))) ?? [];
    if (key !== undefined && value !== undefined) records[key] = value;
    at += length;
  }
  return records;
}

/** As readers take paths: `./x`, `/x` and `x/` are `x`. */
export function normalised(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

function windowed(read: ReadBytes, size: number): ReadBytes {
  let from = 0;
  let window: Uint8Array = new Uint8Array();
  return async (start, count) => {
    if (start < from || start + count > from + window.length) {
      window = await read(start, Math.min(size - start, Math.max(count, WINDOW_BYTES)));
      from = start;
      if (window.length < count) throw new NotAnArchive('It is cut short: it has no end.');
    }
    return window.subarray(start - from, start - from + count);
  };
}

function isEmpty(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** The sum of all bytes, its own field counted as blanks; some old writers took bytes as signed. */
function hasChecksum(header: Uint8Array): boolean {
  let [unsigned, signed] = [0, 0];
  header.forEach((byte, at) => {
    const value = at >= 148 && at < 156 ? 0x20 : byte;
    unsigned += value;
    signed += value > 127 ? value - 256 : value;
  });
  const said = numberAt(header, 148, 8);
  return said === unsigned || said === signed;
}

/** Octal digits, or GNU's base-256 where the top bit is set. NaN where it is neither. */
function numberAt(header: Uint8Array, start: number, length: number): number {
  const field = header.subarray(start, start + length);
  if (((field[0] ?? 0) & 0x80) === 0) {
    const digits = Buffer.from(field).toString('latin1').replaceAll('\0', ' ').trim();
    return /^[0-7]*$/.test(digits) ? Number.parseInt(digits === '' ? '0' : digits, 8) : Number.NaN;
  }
  return field.reduce((total, byte, at) => total * 256 + (at === 0 ? byte & 0x7f : byte), 0);
}

function latin1(header: Uint8Array, start: number, length: number): string {
  return Buffer.from(header.subarray(start, start + length))
    .toString('latin1')
    .replace(/\0.*$/s, '');
}

function utf8(header: Uint8Array, start: number, length: number): string {
  return Buffer.from(header.subarray(start, start + length))
    .toString('utf8')
    .replace(/\0.*$/s, '');
}
