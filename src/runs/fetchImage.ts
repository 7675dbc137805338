import type { ArchiveImage } from '../archive/indexFiles.ts';
import { CacheError } from '../errors.ts';
import { chooseEntry } from '../image/choosePlatform.ts';
import type { Digest } from '../image/digest.ts';
import { parseImageConfig } from '../image/imageConfig.ts';
import { type ImageIndex, type ImageManifest, parseManifest } from '../image/manifest.ts';
import { formatPlatform, type Platform, platformScore } from '../image/platform.ts';
import { canonicalReference, type ImageReference } from '../image/reference.ts';
import { readDocument, type StoredDocument, writeDocument } from '../store/hints/documents.ts';
import type { CacheContext } from '../context.ts';

/** An index may list indexes; nobody needs more than this. */
const MAX_INDEX_DEPTH = 4;

export interface ResolvedImage extends ArchiveImage {
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
  signal?: AbortSignal,
): Promise<ResolvedImage> {
  const name = canonicalReference(ref);
  let digest = ref.digest;
  let indexDigest: Digest | undefined;
  for (let depth = 0; depth <= MAX_INDEX_DEPTH; depth++) {
    const document = await fetchManifest(context, ref, digest, signal);
    const parsed = parseManifest(document.bytes, document.mediaType, name);
    digest = document.digest;
    // Kept only once it is understood, and under the type that it was understood as: the digest covers no
    // Content-Type, so a registry that sends a wrong one must not spoil the document for everybody else's.
    if (!document.kept) {
      const { bytes } = document;
      await writeDocument(context.storage, digest, { bytes, mediaType: parsed.mediaType });
    }
    if (parsed.kind === 'manifest') {
      const image = await withConfig(context, ref, document, parsed, signal);
      if (platformScore(platform, image.platform) === 0) throw wrongPlatform(name, platform, image.platform);
      return { ...image, indexDigest };
    }
    indexDigest ??= digest;
    digest = entryDigest(parsed, platform, name);
  }
  throw new CacheError('unsupported_image', `${name} cannot be cached: its indexes are nested too deep.`);
}

function entryDigest(index: ImageIndex, platform: Platform, name: string): Digest {
  return chooseEntry(index, platform, name).digest;
}

interface ManifestDocument extends StoredDocument {
  readonly digest: Digest;
  /** It came from the store. */
  readonly kept: boolean;
}

async function fetchManifest(
  { storage, registry }: CacheContext,
  ref: ImageReference,
  digest: Digest | undefined,
  signal: AbortSignal | undefined,
): Promise<ManifestDocument> {
  const kept = digest === undefined ? undefined : await readDocument(storage, digest);
  if (kept !== undefined && digest !== undefined) return { ...kept, digest, kept: true };
  return { ...(await registry.getManifest(ref, digest, signal)), kept: false };
}

async function withConfig(
  { storage, registry }: CacheContext,
  ref: ImageReference,
  document: ManifestDocument,
  manifest: ImageManifest,
  signal: AbortSignal | undefined,
): Promise<ArchiveImage> {
  const { config } = manifest;
  const kept = await readDocument(storage, config.digest);
  const bytes = kept?.bytes ?? (await registry.getBlob(ref, config, signal));
  if (kept === undefined) await writeDocument(storage, config.digest, { bytes, mediaType: config.mediaType });
  const { platform } = parseImageConfig(bytes, manifest, canonicalReference(ref));
  return {
    name: { registry: ref.registry, repository: ref.repository },
    platform,
    manifest: { digest: document.digest, mediaType: manifest.mediaType, bytes: document.bytes },
    config: { digest: config.digest, bytes },
    layers: manifest.layers,
  };
}

function wrongPlatform(name: string, wanted: Platform, has: Platform): CacheError {
  const [want, offer] = [formatPlatform(wanted), formatPlatform(has)];
  return new CacheError(
    'unsupported_image',
    `${name} does not run on ${want}: it is for ${offer}. Ask for platform ${offer} where the nodes have it.`,
  );
}
