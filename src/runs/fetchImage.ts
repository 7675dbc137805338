import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import { entriesFor, nothingFor } from '../image/choosePlatform.ts';
import type { Digest } from '../image/digest.ts';
import { type Image, imageOf, platformOf } from '../image/image.ts';
import { type ImageIndex, type ImageManifest, parseManifest } from '../image/manifest.ts';
import type { Platform } from '../image/platform.ts';
import { canonicalReference, type ImageReference } from '../image/reference.ts';
import { type KeptDocument, readDocument, writeDocument } from '../store/hints/documents.ts';

/** An index may list indexes; nobody needs more than this. */
const MAX_INDEX_DEPTH = 4;
/** Entries of indexes that are tried for one image: each that is none costs pulls. */
const MAX_TRIES = 8;

export interface FetchedImage {
  readonly image: Image;
  /** What it is cached for: one that was asked for, or that runs on it. */
  readonly platform: Platform;
  /** The outermost index, where the reference led to one. */
  readonly indexDigest: Digest | undefined;
}

/** What is looked for; `tries` counts what is left of them. */
interface Search {
  readonly context: CacheContext;
  readonly ref: ImageReference;
  readonly platform: Platform;
  readonly name: string;
  tries: number;
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
  const search = { context, ref, platform, name: canonicalReference(ref), tries: MAX_TRIES };
  try {
    return await follow(search, ref.digest, undefined, 0);
  } catch (error) {
    throw context.registry.withoutSecrets(error);
  }
}

/** @param named the platform that an index gave to what the digest stands for */
async function follow(
  search: Search,
  digest: Digest | undefined,
  named: Platform | undefined,
  depth: number,
): Promise<FetchedImage> {
  const { name } = search;
  const { document, parsed } = await fetchManifest(search, digest);
  if (parsed.kind === 'manifest') {
    const image = await fetchConfig(search, document, parsed);
    return { image, platform: platformOf(image, search.platform, named, name), indexDigest: undefined };
  }
  if (depth === MAX_INDEX_DEPTH)
    throw new CacheError('unsupported_image', `${name} cannot be cached: its indexes are nested too deep.`);
  return { ...(await choose(search, parsed, named, depth)), indexDigest: document.digest };
}

/** The first entry that is an image: one may be an artifact, or not be there, though its platform fits. */
async function choose(
  search: Search,
  index: ImageIndex,
  named: Platform | undefined,
  depth: number,
): Promise<FetchedImage> {
  const { platform, name } = search;
  const [best, ...others] = entriesFor(index, platform, name);
  let first: CacheError | undefined;
  for (const entry of [best, ...others]) {
    if (search.tries-- === 0) break;
    try {
      return await follow(search, entry.digest, entry.platform ?? named, depth + 1);
    } catch (error) {
      if (!isNoImage(error)) throw error;
      first ??= error;
    }
  }
  // Where the index names platforms, and not this one, that is what there is to say.
  const isGuess =
    best.platform === undefined && index.manifests.some((entry) => entry.platform !== undefined);
  throw isGuess || first === undefined ? nothingFor(index, platform, name) : first;
}

function isNoImage(error: unknown): error is CacheError {
  return (
    error instanceof CacheError && (error.code === 'unsupported_image' || error.code === 'image_not_found')
  );
}

/** Kept once it is understood, and not before. */
async function fetchManifest(
  { context: { storage, registry }, ref, name }: Search,
  digest: Digest | undefined,
): Promise<{ readonly document: KeptDocument; readonly parsed: ImageIndex | ImageManifest }> {
  const kept = digest === undefined ? undefined : await readDocument(storage, digest);
  if (kept !== undefined) return { document: kept, parsed: parseManifest(kept.bytes, undefined, name) };
  // The registry named the digest for the tag, in a header that nothing proves: the tag itself has the last word.
  const isOfTag = digest !== undefined && digest === ref.digest && ref.tag !== undefined;
  const document = await (isOfTag ? registry.getTaggedManifest(ref) : registry.getManifest(ref, digest));
  const parsed = parseManifest(document.bytes, document.mediaType, name);
  await writeDocument(storage, document);
  return { document, parsed };
}

/** A config is kept once it is one: its digest is what a manifest says, and may be that of anything. */
async function fetchConfig(
  { context: { storage, registry }, ref }: Search,
  document: KeptDocument,
  parsed: ImageManifest,
): Promise<Image> {
  const { config } = parsed;
  const kept = await readDocument(storage, config.digest);
  const bytes = kept?.bytes ?? (await registry.getBlob(ref, config));
  const image = imageOf(ref, document, parsed, bytes);
  if (kept === undefined) await writeDocument(storage, { digest: config.digest, bytes });
  return image;
}
