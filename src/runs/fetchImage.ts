import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import { chooseEntry } from '../image/choosePlatform.ts';
import type { Digest } from '../image/digest.ts';
import type { Document } from '../image/document.ts';
import { type Image, imageOf } from '../image/image.ts';
import { type ImageManifest, parseManifest } from '../image/manifest.ts';
import { formatPlatform, type Platform, platformScore } from '../image/platform.ts';
import { canonicalReference, type ImageReference } from '../image/reference.ts';
import { readDocument, writeDocument } from '../store/hints/documents.ts';

/** An index may list indexes; nobody needs more than this. */
const MAX_INDEX_DEPTH = 4;

export interface FetchedImage {
  readonly image: Image;
  /** The outermost index, where the reference led to one. */
  readonly indexDigest: Digest | undefined;
}

/**
 * From a reference to all documents of one platform's image. Each document is taken from the store where it is
 * kept, so that one digest is pulled once in the cache's life.
 * @throws {CacheError} where the image does not exist, cannot be cached or does not run on the platform
 */
export async function fetchImage(
  context: CacheContext,
  ref: ImageReference,
  platform: Platform,
): Promise<FetchedImage> {
  const name = canonicalReference(ref);
  let digest = ref.digest;
  let indexDigest: Digest | undefined;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth++) {
    const { document, kept } = await fetchManifest(context, ref, digest);
    const parsed = parseManifest(document.bytes, document.mediaType, name);
    // Kept only once it is understood, and under the type that it was understood as: the digest covers no
    // Content-Type, so a registry that sends a wrong one must not spoil the document for everybody else's.
    if (!kept) await writeDocument(context.storage, { ...document, mediaType: parsed.mediaType });
    if (parsed.kind === 'manifest') {
      const image = imageOf(ref, document, parsed, await fetchConfig(context, ref, parsed));
      if (platformScore(platform, image.platform) === 0) throw wrongPlatform(name, platform, image.platform);
      return { image, indexDigest };
    }
    indexDigest ??= document.digest;
    digest = chooseEntry(parsed, platform, name).digest;
  }
  throw new CacheError('unsupported_image', `${name} cannot be cached: its indexes are nested too deep.`);
}

async function fetchManifest(
  { storage, registry }: CacheContext,
  ref: ImageReference,
  digest: Digest | undefined,
): Promise<{ readonly document: Document; readonly kept: boolean }> {
  const kept = digest === undefined ? undefined : await readDocument(storage, digest);
  if (kept !== undefined) return { document: kept, kept: true };
  // The registry named the digest for the tag, in a header that nothing proves: the tag itself has the last word.
  const isOfTag = digest !== undefined && digest === ref.digest && ref.tag !== undefined;
  return {
    document: await (isOfTag ? registry.getTaggedManifest(ref) : registry.getManifest(ref, digest)),
    kept: false,
  };
}

async function fetchConfig(
  { storage, registry }: CacheContext,
  ref: ImageReference,
  { config }: ImageManifest,
): Promise<Uint8Array> {
  const kept = await readDocument(storage, config.digest);
  if (kept !== undefined) return kept.bytes;
  const bytes = await registry.getBlob(ref, config);
  await writeDocument(storage, { digest: config.digest, mediaType: config.mediaType, bytes });
  return bytes;
}

function wrongPlatform(name: string, wanted: Platform, has: Platform): CacheError {
  const [want, offer] = [formatPlatform(wanted), formatPlatform(has)];
  return new CacheError(
    'unsupported_image',
    `${name} does not run on ${want}: it is for ${offer}. Ask for platform ${offer} where the nodes have it.`,
  );
}
