import { zipSync } from 'fflate';

const UNIX = 3;
/** A regular file, rw-r--r--, where Unix keeps it in a zip. */
const ATTRIBUTES = 0o100644 * 0x10000;

/**
 * A zip whose bytes depend on the files' names and content alone: sorted, with fixed times and modes, compressed by a
 * library of a fixed version and not by the zlib that Node happens to have.
 * @param files content by path, with `/` between folders
 */
export function zip(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  return zipSync(Object.fromEntries(sorted), {
    level: 9,
    // The first moment that a zip can name. A zip holds local time, so local time gives the same bytes anywhere.
    mtime: new Date(1980, 0, 1),
    os: UNIX,
    attrs: ATTRIBUTES,
  });
}
