import { cutBlocks } from '../archive/blocks.ts';
import { LAYOUT_VERSION, planLayout } from '../archive/layout.ts';
import { CacheError } from '../errors.ts';
import { parsePlatform } from '../image/platform.ts';
import { parseReference, runReference } from '../image/reference.ts';
import { isoSeconds, readArchive } from '../store/archive/archives.ts';
import { commitBlocks } from '../store/archive/staging.ts';
import { fetchImage } from './fetchImage.ts';
import type { CacheContext } from '../context.ts';
import type { CommitInput } from './messages.ts';

/**
 * Last activity of a run: puts the proven blocks together under the archive's name. Safe to run twice and beside
 * another run for the same image: whoever is first commits, and the bytes are the same.
 */
export async function commitArchive(context: CacheContext, input: CommitInput): Promise<void> {
  const { plan, run, segments } = input;
  const ref = parseReference(plan.image);
  const image = await fetchImage(
    context,
    { ...ref, digest: plan.manifestDigest },
    parsePlatform(plan.platform),
  );
  const attempts = new Map<number, string>();
  for (const { from, to, attempt } of segments)
    for (let index = from; index < to; index++) attempts.set(index, attempt);
  const blocks = cutBlocks(planLayout(image), plan.blockBytes)
    .flatMap((section) => section.blocks)
    .map(({ index, start, end }) => {
      const attempt = attempts.get(index);
      if (attempt === undefined) throw new Error(`No segment holds block ${index} of ${plan.blob}.`);
      return { id: { index, run, attempt }, size: end - start };
    });
  const now = isoSeconds(new Date());
  const committed = await commitBlocks(
    context.storage,
    plan.blob,
    blocks,
    {
      image: plan.image,
      platform: image.platform,
      manifestDigest: plan.manifestDigest,
      indexDigest: plan.indexDigest,
      imageId: image.config.digest,
      runRef: runReference(ref, plan.manifestDigest),
      createdAt: now,
      lastUsed: now,
    },
    LAYOUT_VERSION,
  );
  if (committed || (await readArchive(context.storage, plan.blob)) !== undefined) return;
  throw new CacheError(
    'storage_unavailable',
    `The blob ${plan.blob} is there, but this service did not write it. Move it away, and ask for the image again.`,
    { retryable: false },
  );
}
