import { BLOCK_BYTES, cutBlocks } from '../archive/blocks.ts';
import { COPY_LIMITS, planCopy } from '../archive/copyPlan.ts';
import { planLayout } from '../archive/layout.ts';
import { CacheError } from '../errors.ts';
import { formatPlatform, parsePlatform } from '../image/platform.ts';
import { canonicalReference, parseReference } from '../image/reference.ts';
import { writeManifestOf, writeTag } from '../store/hints/aliases.ts';
import { readArchive } from '../store/archive/archives.ts';
import { archiveName } from '../store/archive/archiveNames.ts';
import { fetchImage } from './fetchImage.ts';
import type { CacheContext } from '../context.ts';
import type { CopyPlan, RunInput } from './messages.ts';

/**
 * First activity of a run: pulls the image's documents, checks that it can be cached, lays its archive out and
 * divides the copying. Nothing of a layer is pulled yet.
 * @param limits bytes of a block, a task and a segment; tests make them small
 */
export async function resolveImage(
  context: CacheContext,
  input: Pick<RunInput, 'image' | 'platform'>,
  limits = { blockBytes: BLOCK_BYTES, ...COPY_LIMITS },
): Promise<CopyPlan> {
  const { storage, config } = context;
  const ref = parseReference(input.image);
  const platform = parsePlatform(input.platform);
  const image = await fetchImage(context, ref, platform);
  const { digest: manifestDigest } = image.manifest;
  const { indexDigest } = image;
  const topDigest = indexDigest ?? manifestDigest;

  const layout = planLayout(image);
  if (layout.size > config.maxImageBytes) {
    throw new CacheError(
      'image_too_large',
      `${canonicalReference(ref)} would be an archive of ${layout.size} bytes; this service takes up to ${config.maxImageBytes} (setting MAX_IMAGE_BYTES).`,
    );
  }
  await writeManifestOf(storage, ref, topDigest, platform, manifestDigest);
  // The run was started without a digest: the tag could not be resolved then.
  if (ref.digest === undefined && ref.tag !== undefined) await writeTag(storage, ref, ref.tag, topDigest);

  const blob = archiveName(ref, manifestDigest);
  const cached = (await readArchive(storage, blob)) !== undefined;
  return {
    image: canonicalReference({ ...ref, digest: topDigest }),
    platform: formatPlatform(platform),
    manifestDigest,
    ...(indexDigest !== undefined && { indexDigest }),
    blob,
    blockBytes: limits.blockBytes,
    totalBytes: layout.size,
    cached,
    lanes: cached ? [] : planCopy(cutBlocks(layout, limits.blockBytes), limits),
  };
}
