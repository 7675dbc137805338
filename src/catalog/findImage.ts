import type { Digest } from '../image/digest.ts';
import { type Platform, platformScore } from '../image/platform.ts';
import { canonicalReference, type ImageReference, type RepositoryName } from '../image/reference.ts';
import { allArchives, type CachedImage, readArchive } from '../store/archive/archives.ts';
import { archiveName, repositoryFolder } from '../store/archive/archiveNames.ts';
import { readManifestOf, readTag } from '../store/hints/aliases.ts';
import type { Storage } from '../store/storage.ts';

/**
 * The cached image that a reference stands for, as far as the cache knows by itself: no registry is asked. Of a tag
 * whose newest image is not cached, an older one. Aliases are only hints: where there is none, the archives themselves
 * say what they were made for.
 */
export async function findImage(
  storage: Storage,
  ref: ImageReference,
  platform: Platform,
): Promise<CachedImage | undefined> {
  const digests = await knownDigests(storage, ref);
  const [newest] = digests ?? [];
  const found = newest === undefined ? undefined : await findByDigest(storage, ref, newest, platform);
  return (
    found?.cached ??
    (await findOlder(storage, ref, digests, platform)) ??
    (found?.isKnown === true ? undefined : findWithoutHints(storage, ref, digests, platform))
  );
}

/**
 * A reference's own digest, or what registries said that its tag stands for, newest first. Undefined where nothing is
 * known of the tag. A tag beside a digest is its caller's label, and says nothing.
 */
export async function knownDigests(
  storage: Storage,
  ref: ImageReference,
): Promise<readonly Digest[] | undefined> {
  if (ref.digest !== undefined) return [ref.digest];
  return ref.tag === undefined ? undefined : (await readTag(storage, ref, ref.tag))?.digests;
}

export interface FoundByDigest {
  readonly cached: CachedImage | undefined;
  /** It is known which manifest the digest is on the platform, so that no other archive can be the one. */
  readonly isKnown: boolean;
}

/**
 * The archive of a manifest, or of the manifest that an index gave for the platform. One request where the digest is
 * the archive's own.
 */
export async function findByDigest(
  storage: Storage,
  ref: RepositoryName,
  digest: Digest,
  platform: Platform,
): Promise<FoundByDigest> {
  const direct = await readArchive(storage, archiveName(ref, digest));
  if (direct !== undefined && platformScore(platform, direct.platform) > 0)
    return { cached: direct, isKnown: true };
  const manifest = await readManifestOf(storage, ref, digest, platform);
  if (manifest === undefined) return { cached: undefined, isKnown: direct !== undefined };
  // A run found that this is the image for the platform. Its archive may be older, and made for another one: a config
  // that names no platform fits all, and two indexes may say two things of one manifest.
  const cached = manifest === digest ? direct : await readArchive(storage, archiveName(ref, manifest));
  return { cached, isKnown: true };
}

/** What a tag stood for before its newest word, where that is cached: the newest of them. */
export async function findOlder(
  storage: Storage,
  ref: ImageReference,
  digests: readonly Digest[] | undefined,
  platform: Platform,
): Promise<CachedImage | undefined> {
  for (const digest of digests?.slice(1) ?? []) {
    const { cached } = await findByDigest(storage, ref, digest, platform);
    if (cached !== undefined) return cached;
  }
  return undefined;
}

/**
 * The archive of the repository that was made for the newest digest, or the tag where none is known: the one that fits
 * the platform best, the newest of equals. One listing of the repository's folder, for when hints are lost.
 */
export async function findWithoutHints(
  storage: Storage,
  ref: ImageReference,
  digests: readonly Digest[] | undefined,
  platform: Platform,
): Promise<CachedImage | undefined> {
  // What the tag stood for was deleted.
  if (digests?.length === 0) return undefined;
  const [digest] = digests ?? [];
  const found =
    digest === undefined
      ? await archivesOfTag(storage, ref)
      : await archivesOf(
          storage,
          ref,
          ({ indexDigest, manifestDigest }) => indexDigest === digest || manifestDigest === digest,
        );
  const best = Math.max(...found.map((image) => platformScore(platform, image.platform)));
  return best > 0 ? found.find((image) => platformScore(platform, image.platform) === best) : undefined;
}

/** The archives of a repository that were made when this was their tag, as a registry said: the newest first. */
export function archivesOfTag(storage: Storage, { registry, repository, tag }: ImageReference) {
  const tagged = `${canonicalReference({ registry, repository, ...(tag !== undefined && { tag }) })}@`;
  return archivesOf(storage, { registry, repository }, ({ image }) => image.startsWith(tagged));
}

async function archivesOf(
  storage: Storage,
  { registry, repository }: RepositoryName,
  isOne: (image: CachedImage) => boolean,
): Promise<CachedImage[]> {
  const name = canonicalReference({ registry, repository });
  const found: CachedImage[] = [];
  for await (const image of allArchives(storage, repositoryFolder({ registry, repository }))) {
    // The folder has the folders of repositories below it as well.
    const isOfRepository = image.image.startsWith(`${name}:`) || image.image.startsWith(`${name}@`);
    if (isOfRepository && isOne(image)) found.push(image);
  }
  return found.sort((a, b) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0));
}
