import type { Digest } from '../image/digest.ts';
import { type Platform, platformScore } from '../image/platform.ts';
import { canonicalReference, type ImageReference, type RepositoryName } from '../image/reference.ts';
import { archivePages, type CachedImage, readArchive } from '../store/archive/archives.ts';
import { archiveName, repositoryFolder, shortFolder } from '../store/archive/archiveNames.ts';
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
  const cached = found?.cached ?? (await findOlder(storage, ref, digests, platform));
  const isKnown = found?.isKnown === true;
  if (cached !== undefined || (isKnown && ref.digest !== undefined)) return cached;
  const listed = await findWithoutHints(storage, ref, digests, platform);
  return (isKnown ? undefined : listed.cached) ?? listed.older;
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

/** What a listing shows of a reference. */
export interface FoundWithoutHints {
  /** The archive of the newest digest, or of the tag where no digest is known. */
  readonly cached: CachedImage | undefined;
  /** Where that is not there: one that was put there by hand and names the tag; of others the tag's alias tells. */
  readonly older: CachedImage | undefined;
  /** There may be one more: an archive of the repository is being read. */
  readonly isUnread: boolean;
}

/**
 * The archives of the repository themselves say what they are: of those that the reference means the one that fits the
 * platform best, the newest of equals. One listing of the repository's folder, for when hints are lost, and for what
 * was put there by hand.
 */
export async function findWithoutHints(
  storage: Storage,
  ref: ImageReference,
  digests: readonly Digest[] | undefined,
  platform: Platform,
): Promise<FoundWithoutHints> {
  // What the tag stood for was deleted.
  if (digests?.length === 0) return { cached: undefined, older: undefined, isUnread: false };
  const [digest] = digests ?? [];
  const isMeant = (image: CachedImage): boolean => digest !== undefined && digestsOf(image).includes(digest);
  const { images, isUnread } = await archivesOf(
    storage,
    ref,
    (image) => isMeant(image) || hasTag(image, ref),
  );
  if (digest === undefined) return { cached: best(images, platform), older: undefined, isUnread };
  const byHand = images.filter((image) => image.adopted !== undefined && !isMeant(image));
  return { cached: best(images.filter(isMeant), platform), older: best(byHand, platform), isUnread };
}

/** Every digest that an image is found by. */
export function digestsOf({ manifestDigest, indexDigest, imageId }: CachedImage): readonly Digest[] {
  return [manifestDigest, imageId, ...(indexDigest === undefined ? [] : [indexDigest])];
}

/** Whether it was made for the tag, as a registry said then, or names the tag itself. A digest's label says nothing. */
export function hasTag(
  { image, adopted }: CachedImage,
  { registry, repository, tag, digest }: ImageReference,
): boolean {
  if (tag === undefined || digest !== undefined) return false;
  return (
    image.startsWith(`${canonicalReference({ registry, repository, tag })}@`) ||
    adopted?.tags.includes(tag) === true
  );
}

function best(images: readonly CachedImage[], platform: Platform): CachedImage | undefined {
  const score = Math.max(...images.map((image) => platformScore(platform, image.platform)));
  return score > 0 ? images.find((image) => platformScore(platform, image.platform) === score) : undefined;
}

/** The archives of a repository that have this tag: the newest first. */
export async function archivesOfTag(storage: Storage, ref: ImageReference): Promise<readonly CachedImage[]> {
  const { images } = await archivesOf(storage, ref, (image) => hasTag(image, ref));
  return images;
}

async function archivesOf(
  storage: Storage,
  { registry, repository }: RepositoryName,
  isOne: (image: CachedImage) => boolean,
): Promise<{ readonly images: readonly CachedImage[]; readonly isUnread: boolean }> {
  const name = canonicalReference({ registry, repository });
  const short = shortFolder({ registry, repository });
  const images: CachedImage[] = [];
  let isUnread = false;
  for (const folder of [repositoryFolder({ registry, repository }), ...(short === undefined ? [] : [short])])
    for await (const page of archivePages(storage, folder)) {
      // The folder has the folders of repositories below it as well.
      isUnread ||= page.others.some(
        (other) => other.isUnread && !other.blob.slice(folder.length).includes('/'),
      );
      for (const image of page.images) {
        const isOfRepository = image.image.startsWith(`${name}:`) || image.image.startsWith(`${name}@`);
        if (isOfRepository && isOne(image)) images.push(image);
      }
    }
  images.sort((a, b) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0));
  return { images, isUnread };
}
