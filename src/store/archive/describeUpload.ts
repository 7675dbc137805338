import type { SavedImage } from '../../archive/savedImages.ts';
import { NotAnArchive } from '../../archive/tarEntries.ts';
import { type Digest, sha256Of } from '../../image/digest.ts';
import type { Platform } from '../../image/platform.ts';
import {
  canonicalReference,
  type ImageReference,
  parseReference,
  type RepositoryName,
  runReference,
} from '../../image/reference.ts';
import type { ImageMetadata } from './archiveMetadata.ts';
import { hashInName, isFolderOf, repositoryOfFolder, uploadName } from './archiveNames.ts';

/** Of an image that says nothing of it: what most are. */
const UNKNOWN_PLATFORM: Platform = { os: 'linux', architecture: 'amd64' };

/**
 * What an archive is to the cache that somebody put there: its folder says the repository, its own names the tags, and
 * the hash in its name is what it is found by, whatever that is a hash of.
 * @throws {NotAnArchive} where it cannot be served under its name
 */
export function describeUpload(
  blob: string,
  images: readonly SavedImage[],
  encoding: 'gzip' | undefined,
): Omit<ImageMetadata, 'createdAt' | 'lastUsed'> {
  const [image] = images;
  if (image === undefined) throw new NotAnArchive('It holds no image.');
  if (images.length > 1) {
    throw new NotAnArchive(
      `It holds ${images.length} images, and an archive here is one: save each by itself.`,
    );
  }
  const { folder = '', file = '' } = uploadName(blob) ?? {};
  const named = image.names.map(parseName);
  const name =
    named.find((ref) => ref !== undefined && isFolderOf(ref, folder)) ?? repositoryOfFolder(folder);
  if (name === undefined) throw new NotAnArchive(`Its folder ${folder} is not a repository's name.`);
  const { registry, repository } = name;
  const tags = tagsOf(image, { registry, repository });
  const digest = hashInName(file) ?? image.manifest ?? image.config;
  const [tag] = tags;
  return {
    image: canonicalReference({ registry, repository, ...(tag !== undefined && { tag }), digest }),
    platform: image.platform ?? UNKNOWN_PLATFORM,
    manifestDigest: digest,
    indexDigest: image.index === digest ? undefined : image.index,
    imageId: image.config,
    runRef: runReference(name, digest),
    layerCount: image.diffIds.length,
    compression: image.compression,
    adopted: {
      format: image.format,
      encoding,
      digestFrom: digest === image.manifest ? 'manifest' : digest === image.config ? 'imageid' : 'name',
      tags,
      diffIdsDigest: sha256Of(image.diffIds.map((id) => `${id}\n`).join('')),
      layerDigests: image.format === 'oci' ? image.layerPaths.flatMap(digestOfPath) : [],
    },
  };
}

/** A name without a repository is a tag of whatever repository it lies in. */
function tagsOf({ names }: SavedImage, own: RepositoryName): string[] {
  const tags = names.flatMap((name) => {
    if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(name)) return [name];
    const ref = parseName(name);
    const isOwn = ref?.registry === own.registry && ref.repository === own.repository;
    return isOwn && ref.tag !== undefined ? [ref.tag] : [];
  });
  return [...new Set(tags)];
}

function parseName(name: string): ImageReference | undefined {
  try {
    return parseReference(name);
  } catch {
    return undefined;
  }
}

function digestOfPath(path: string): Digest[] {
  const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path) ?? [];
  return hex === undefined ? [] : [`sha256:${hex}`];
}
