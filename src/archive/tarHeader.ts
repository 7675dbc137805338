/**
 * Headers of the tar entries that an archive is made of: POSIX ustar, fixed times and owners so that the
 * same image always gives the same bytes.
 * https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06
 */
export const TAR_BLOCK = 512;
/** Two empty blocks end a tar. */
export const TAR_END_BYTES = 2 * TAR_BLOCK;

const NAME_LENGTH = 100;
/** 11 octal digits hold sizes below 8 GiB; above, the size is written in base-256. */
const MAX_OCTAL_SIZE = 0o77777777777;

export type EntryType = 'file' | 'directory';

/** The header of one entry: 512 bytes, or 1,536 where the path needs a pax record in front. */
export function tarHeader(path: string, size: number, type: EntryType): Uint8Array {
  if (path.length <= NAME_LENGTH) return ustarHeader(path, size, type === 'file' ? '0' : '5');
  const record = paxRecord('path', path);
  const records = new Uint8Array(padded(record.length));
  records.set(record);
  return Buffer.concat([
    ustarHeader('pax', record.length, 'x'),
    records,
    ustarHeader(path.slice(0, NAME_LENGTH), size, type === 'file' ? '0' : '5'),
  ]);
}

/** Bytes that an entry's content takes, padding included. */
export function padded(size: number): number {
  return Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
}

function ustarHeader(name: string, size: number, typeFlag: '0' | '5' | 'x'): Uint8Array {
  const header = Buffer.alloc(TAR_BLOCK);
  header.write(name, 0, NAME_LENGTH, 'ascii');
  // Not zero: some extractors (Apptainer's) apply the mode as it stands.
  header.write(typeFlag === '5' ? '0000755\0' : '0000644\0', 100, 'ascii');
  header.write('0000000\0', 108, 'ascii'); // uid
  header.write('0000000\0', 116, 'ascii'); // gid
  writeSize(header, size);
  header.write('00000000000\0', 136, 'ascii'); // mtime
  header.write(typeFlag, 156, 'ascii');
  header.write('ustar\x0000', 257, 'ascii');
  header.write('        ', 148, 'ascii'); // the checksum counts its own field as blanks
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'ascii');
  return header;
}

function writeSize(header: Buffer, size: number): void {
  if (size <= MAX_OCTAL_SIZE) {
    header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'ascii');
    return;
  }
  // GNU's base-256: top bit set, then the number, big-endian. One header instead of pax's three blocks.
  header[124] = 0x80;
  header.writeBigUInt64BE(BigInt(size), 128);
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.from(`${length}${rest}`, 'ascii');
}
