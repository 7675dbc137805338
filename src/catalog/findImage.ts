import type { Digest } from '../image/digest.ts';
import { type Platform, platformScore } from '../image/platform.ts';
import { canonicalReference, type ImageReference } from '../image/reference.ts';
import { readManifestOf, readTag } from '../store/hints/aliases.ts';
import { allArchives, type CachedImage, readArchive } from '../store/archive/archives.ts';
import { archiveName, repositoryFolder } from '../store/archive/archiveNames.ts';
import type { Storage } from '../store/storage.ts';

/** What the cache knows of an image, without asking any registry. */
export interface Finding {
  /** What the reference stands for as far as is known: its own digest, or what its tag last pointed to. */
  readonly digest: Digest | undefined;
  readonly cached: CachedImage | undefined;
}

/**
 * Looks an image up by its digest or its tag. Aliases are only hints: where there is none, the archives
 * themselves say what they were made for.
 */
export async function findImage(storage: Storage, ref: ImageReference, platform: Platform): Promise<Finding> {
  const digest = ref.digest ?? (ref.tag === undefined ? undefined : await readTag(storage, ref, ref.tag));
  if (digest === undefined) {
    const cached = await searchArchives(storage, ref, platform, ({ image }) =>
      image.startsWith(`${canonicalReference(ref)}@`),
    );
    return {
      digest: cached === undefined ? undefined : (cached.indexDigest ?? cached.manifestDigest),
      cached,
    };
  }
  return { digest, cached: await findByDigest(storage, ref, digest, platform) };
}

async function findByDigest(
  storage: Storage,
  ref: ImageReference,
  digest: Digest,
  platform: Platform,
): Promise<CachedImage | undefined> {
  const manifest = (await readManifestOf(storage, ref, digest, platform)) ?? digest;
  const cached = await readArchive(storage, archiveName(ref, manifest));
  if (cached !== undefined) return platformScore(platform, cached.platform) > 0 ? cached : undefined;
  return manifest === digest
    ? searchArchives(storage, ref, platform, (image) => image.indexDigest === digest)
    : undefined;
}

/** The newest archive of the repository that fits: one listing of its folder. */
async function searchArchives(
  storage: Storage,
  ref: ImageReference,
  platform: Platform,
  fits: (image: CachedImage) => boolean,
): Promise<CachedImage | undefined> {
  const name = canonicalReference({ registry: ref.registry, repository: ref.repository });
  let newest: CachedImage | undefined;
  for await (const image of allArchives(storage, repositoryFolder(ref))) {
    // The folder has the folders of repositories below it as well.
    if (!image.image.startsWith(`${name}:`) && !image.image.startsWith(`${name}@`)) continue;
    if (!fits(image) || platformScore(platform, image.platform) === 0) continue;
    if (newest === undefined || image.createdAt > newest.createdAt) newest = image;
  }
  return newest;
}
