import { type Digest, isDigest } from '../../image/digest.ts';
import { parseJsonObject } from '../../image/json.ts';
import type { Platform } from '../../image/platform.ts';
import type { RepositoryName } from '../../image/reference.ts';
import { readBlob, type Storage } from '../storage.ts';
import { digestAliasFolder, digestAliasName, tagAliasName } from './hintNames.ts';
import { deleteHint, listHints } from './hints.ts';
import { writeHint } from './writeHint.ts';

/** Aliases are small JSON blobs. They are hints: a missing or broken one is no error. */

/**
 * What a registry said that a tag stands for. `{"digest": "sha256:…", "before": ["sha256:…"], "asked": "2026-…"}`: a
 * new word takes the place of none before it, since its image may never come. Whoever looks takes the newest that is
 * cached.
 */
export interface TagAlias {
  /** Newest first. None: what the tag stood for was deleted, and no older image may take its place. */
  readonly digests: readonly Digest[];
  /** When a registry was asked for the newest. */
  readonly asked: Date;
  /** No registry said it to this alias: archives did, and `asked` is when the newest of them was made. */
  readonly isRebuilt?: boolean;
}

/** An alias as it lies there. */
export interface KeptTag {
  /** Undefined where what is there cannot be read. */
  readonly alias: TagAlias | undefined;
  readonly etag: string;
}

/** Words of one tag that are kept: nearly always the first or the second one's image is cached. */
const MAX_DIGESTS = 5;
/** Of one write, where others are faster. */
const MAX_TRIES = 5;

export async function readTag(
  storage: Storage,
  name: RepositoryName,
  tag: string,
): Promise<TagAlias | undefined> {
  return (await readKeptTag(storage, tagAliasName(name, tag)))?.alias;
}

/** @param blob the alias's name */
export async function readKeptTag(storage: Storage, blob: string): Promise<KeptTag | undefined> {
  const found = await readBlob('reading an alias', storage.index.getBlobClient(blob));
  return found && { alias: parseTag(found.bytes.toString('utf8')), etag: found.etag };
}

function parseTag(text: string): TagAlias | undefined {
  const { digest, before, asked, rebuilt } = parseJsonObject(text) ?? {};
  const isDeleted = digest === null;
  if (!isDeleted && !isDigestValue(digest)) return undefined;
  const earlier = Array.isArray(before) ? before.filter(isDigestValue) : [];
  const time = new Date(typeof asked === 'string' ? asked : Number.NaN);
  return {
    digests: isDeleted ? [] : [digest, ...earlier],
    asked: Number.isNaN(time.getTime()) ? new Date(0) : time,
    ...(rebuilt === true && { isRebuilt: true }),
  };
}

/**
 * Keeps what a registry said of a tag, in front of what it said before. What was asked for earlier than what is kept
 * changes nothing: of two answers the later one's counts, whichever arrives first.
 * @param asked when the registry was asked
 * @param older what is known of the tag where no alias is: newest first
 */
export async function writeTag(
  storage: Storage,
  name: RepositoryName,
  tag: string,
  digest: Digest,
  asked = new Date(),
  older: readonly Digest[] = [],
): Promise<void> {
  const blob = tagAliasName(name, tag);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const kept = await readKeptTag(storage, blob);
    const known = kept?.alias;
    if (known !== undefined && (known.asked > asked || known.digests[0] === digest)) return;
    const digests = [...new Set([digest, ...(known?.digests ?? older)])].slice(0, MAX_DIGESTS);
    if (await replaceTag(storage, blob, { digests, asked }, kept?.etag)) return;
  }
}

/** Keeps that a tag has stood for these as well. Of a tag that stands for nothing, since its image was deleted, nothing. */
export async function addOlder(
  storage: Storage,
  name: RepositoryName,
  tag: string,
  older: readonly Digest[],
): Promise<void> {
  const blob = tagAliasName(name, tag);
  const kept = await readKeptTag(storage, blob);
  const known = kept?.alias;
  if (known === undefined || known.digests.length === 0) return;
  const [newest, ...before] = known.digests;
  if (older.every((digest) => known.digests.includes(digest))) return;
  const digests = [...new Set([newest, ...older, ...before].filter((digest) => digest !== undefined))];
  await replaceTag(storage, blob, { digests: digests.slice(0, MAX_DIGESTS), asked: known.asked }, kept?.etag);
}

/**
 * Keeps what an archive says of its tag where no registry's word is kept: of several archives the newest goes first,
 * whichever comes first.
 * @param made when the archive was made, or put there
 */
export async function rebuildTag(
  storage: Storage,
  name: RepositoryName,
  tag: string,
  digest: Digest,
  made: Date,
): Promise<void> {
  const blob = tagAliasName(name, tag);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const kept = await readKeptTag(storage, blob);
    const known = kept?.alias;
    if (known !== undefined && (known.isRebuilt !== true || known.digests.includes(digest))) return;
    const isNewer = known === undefined || made > known.asked;
    const others = known?.digests ?? [];
    const alias: TagAlias = {
      digests: (isNewer ? [digest, ...others] : [...others, digest]).slice(0, MAX_DIGESTS),
      asked: isNewer ? made : known.asked,
      isRebuilt: true,
    };
    if (await replaceTag(storage, blob, alias, kept?.etag)) return;
  }
}

/** Keeps what a tag stands for where nothing is known of it; the hint may have been lost since a registry was asked. */
export async function keepTag(
  storage: Storage,
  name: RepositoryName,
  tag: string,
  digest: Digest,
): Promise<void> {
  const blob = tagAliasName(name, tag);
  const kept = await readKeptTag(storage, blob);
  if (kept?.alias === undefined)
    await replaceTag(storage, blob, { digests: [digest], asked: new Date(0) }, kept?.etag);
}

/**
 * @param etag of the alias as it was read; undefined where there was none
 * @returns false where it has changed since
 */
export function replaceTag(
  storage: Storage,
  blob: string,
  { digests: [digest, ...before], asked, isRebuilt }: TagAlias,
  etag: string | undefined,
): Promise<boolean> {
  const body = JSON.stringify({
    digest: digest ?? null,
    ...(before.length > 0 && { before }),
    asked: asked.toISOString(),
    ...(isRebuilt === true && { rebuilt: true }),
  });
  return writeHint(storage, blob, body, { ifMatch: etag ?? null });
}

/** The manifest that an index (or a manifest) gives on a platform. */
export async function readManifestOf(
  storage: Storage,
  name: RepositoryName,
  digest: Digest,
  platform: Platform,
): Promise<Digest | undefined> {
  return readManifestAlias(storage, digestAliasName(name, digest, platform));
}

async function readManifestAlias(storage: Storage, blob: string): Promise<Digest | undefined> {
  const found = await readBlob('reading an alias', storage.index.getBlobClient(blob));
  const manifest = found && parseJsonObject(found.bytes.toString('utf8'))?.digest;
  return isDigestValue(manifest) ? manifest : undefined;
}

export async function writeManifestOf(
  storage: Storage,
  name: RepositoryName,
  digest: Digest,
  platform: Platform,
  manifest: Digest,
): Promise<void> {
  await writeHint(storage, digestAliasName(name, digest, platform), JSON.stringify({ digest: manifest }));
}

/** Deletes the aliases of a repository that lead to manifests whose archives are gone. */
export async function deleteManifestAliases(
  storage: Storage,
  repository: RepositoryName,
  isGone: (manifest: Digest) => boolean,
): Promise<void> {
  for await (const { name } of listHints(storage, digestAliasFolder(repository))) {
    const manifest = await readManifestAlias(storage, name);
    if (manifest !== undefined && isGone(manifest)) await deleteHint(storage, name);
  }
}

function isDigestValue(value: unknown): value is Digest {
  return typeof value === 'string' && isDigest(value);
}
