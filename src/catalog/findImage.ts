import type { Digest } from '../image/digest.ts';
import { type Platform, platformScore } from '../image/platform.ts';
import { canonicalReference, type ImageReference } from '../image/reference.ts';
import { allArchives, type CachedImage, readArchive } from '../store/archive/archives.ts';
import { archiveName, repositoryFolder } from '../store/archive/archiveNames.ts';
import { readManifestOf, readTag } from '../store/hints/aliases.ts';
import type { Storage } from '../store/storage.ts';

/**
 * The cached image that a reference stands for, as far as the cache knows by itself: no registry is asked. Aliases are
 * only hints: where there is none, the archives themselves say what they were made for.
 */
export async function findImage(
  storage: Storage,
  ref: ImageReference,
  platform: Platform,
): Promise<CachedImage | undefined> {
  const digest = await knownDigest(storage, ref);
  if (digest === undefined) return searchArchives(storage, ref, digest, platform);
  const { cached, isKnown } = await findByDigest(storage, ref, digest, platform);
  return isKnown ? cached : searchArchives(storage, ref, digest, platform);
}

/** A reference's own digest, or what its tag last pointed to. */
export async function knownDigest(storage: Storage, ref: ImageReference): Promise<Digest | undefined> {
  return ref.digest ?? (ref.tag === undefined ? undefined : readTag(storage, ref, ref.tag));
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
  ref: ImageReference,
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

/**
 * The archive of the repository that was made for this digest, or this tag where it is not known: the one that fits the
 * platform best, the newest of equals. One listing of the repository's folder, for when hints are lost.
 */
async function searchArchives(
  storage: Storage,
  ref: ImageReference,
  digest: Digest | undefined,
  platform: Platform,
): Promise<CachedImage | undefined> {
  const name = canonicalReference({ registry: ref.registry, repository: ref.repository });
  const tagged = `${canonicalReference(ref)}@`;
  let best: { readonly image: CachedImage; readonly score: number } | undefined;
  for await (const image of allArchives(storage, repositoryFolder(ref))) {
    // The folder has the folders of repositories below it as well.
    if (!image.image.startsWith(`${name}:`) && !image.image.startsWith(`${name}@`)) continue;
    const fits =
      digest === undefined
        ? image.image.startsWith(tagged)
        : image.indexDigest === digest || image.manifestDigest === digest;
    const score = fits ? platformScore(platform, image.platform) : 0;
    if (score === 0) continue;
    const isBetter =
      best === undefined ||
      score > best.score ||
      (score === best.score && image.createdAt > best.image.createdAt);
    if (isBetter) best = { image, score };
  }
  return best?.image;
}
