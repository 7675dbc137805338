import type { Digest } from '../../image/digest.ts';
import type { Storage } from '../storage.ts';
import { deleteHint, listHints } from './hints.ts';
import { holderName, holdersFolder, LAYERS } from './hintNames.ts';
import { writeHint } from './writeHint.ts';

/**
 * Which archives hold a layer (or a config): an empty blob for each, named after both, so that one listing answers.
 * Where in an archive, its own head says.
 */

/** Of one archive's hints, so that an image of many layers is noted in a moment. */
const WRITES_AT_ONCE = 16;

/** @param archive its blob's name */
export async function writeHolder(
  storage: Storage,
  archive: string,
  digests: readonly Digest[],
): Promise<void> {
  await eachHint(archive, digests, (name) => writeHint(storage, name, ''));
}

/** @param folder of the repository whose archives are meant, with its `/`; a few suffice */
export async function findHolders(storage: Storage, digest: Digest, folder: string): Promise<string[]> {
  const all = holdersFolder(digest);
  const holders: string[] = [];
  for await (const { name } of listHints(storage, `${all}${folder}`)) {
    const archive = name.slice(all.length);
    // The folder has the folders of repositories below it as well.
    if (!archive.slice(folder.length).includes('/')) holders.push(archive);
    if (holders.length === MOST_HOLDERS) break;
  }
  return holders;
}

const MOST_HOLDERS = 3;

export async function deleteHolder(
  storage: Storage,
  archive: string,
  digests: readonly Digest[],
): Promise<void> {
  await eachHint(archive, digests, (name) => deleteHint(storage, name));
}

/**
 * Deletes what is said of archives that are not there.
 * @param isGone by an archive's name, and when the hint was written
 */
export async function deleteHoldersWhere(
  storage: Storage,
  isGone: (archive: string, written: Date) => boolean,
): Promise<void> {
  for await (const { name, written } of listHints(storage, LAYERS)) {
    const [, archive] = /^[^/]+\/[^/]+\/[^/]+\/(.+)$/.exec(name) ?? [];
    if (archive !== undefined && isGone(archive, written)) await deleteHint(storage, name);
  }
}

async function eachHint(
  archive: string,
  digests: readonly Digest[],
  work: (name: string) => Promise<unknown>,
): Promise<void> {
  const names = [...new Set(digests)].map((digest) => holderName(digest, archive));
  for (let start = 0; start < names.length; start += WRITES_AT_ONCE)
    await Promise.all(names.slice(start, start + WRITES_AT_ONCE).map(work));
}
