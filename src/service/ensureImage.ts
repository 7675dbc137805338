import { findImage } from '../catalog/findImage.ts';
import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import type { ImageRequest } from '../image/imageRequest.ts';
import { parseManifest } from '../image/manifest.ts';
import { formatPlatform } from '../image/platform.ts';
import { canonicalReference, type ImageReference } from '../image/reference.ts';
import { runId, type Runs } from '../runs/messages.ts';
import { readTag, writeTag } from '../store/hints/aliases.ts';
import { writeDocument } from '../store/hints/documents.ts';
import type { PendingImage, ReadyImage } from './describeImage.ts';

/** The caller waits for the answer: a registry that needs longer is asked again by the orchestration. */
const HEAD_TIMEOUT_MS = 15_000;

/** What ensuring works with. */
export interface EnsureContext extends CacheContext {
  /** References that registries are being asked about, so that a burst of requests for one image asks once. */
  readonly resolving: Map<string, Promise<Digest>>;
}

/**
 * Makes sure that an image is, or will be, cached. The registry is asked first, with one HEAD, so that an image
 * that does not exist is refused at once. Where the registry cannot answer, what the cache has of a tag is served,
 * marked stale.
 * @throws {CacheError} where the image can not be had
 */
export async function ensureImage(
  context: EnsureContext,
  runs: Runs,
  request: ImageRequest,
): Promise<ReadyImage | PendingImage> {
  const { storage } = context;
  const { ref, platform } = request;
  if (ref.digest !== undefined) {
    // A digest that is cached can not have changed: there is nothing to ask a registry.
    const cached = await findImage(storage, ref, platform);
    if (cached !== undefined) return { state: 'ready', cached };
  }
  let digest: Digest;
  try {
    digest = await resolveOnce(context, ref);
  } catch (error) {
    if (!(error instanceof CacheError) || error.code === 'storage_unavailable') throw error;
    const cached = ref.digest === undefined ? await findImage(storage, ref, platform) : undefined;
    if (cached !== undefined) return { state: 'ready', cached, stale: true };
    if (error.retryable) return start(context, runs, request, ref.digest);
    throw error;
  }
  const cached =
    ref.digest === undefined ? await findImage(storage, { ...ref, digest }, platform) : undefined;
  return cached === undefined ? start(context, runs, request, digest) : { state: 'ready', cached };
}

function resolveOnce(context: EnsureContext, ref: ImageReference): Promise<Digest> {
  const { resolving } = context;
  const key = canonicalReference(ref);
  const underWay = resolving.get(key);
  if (underWay !== undefined) return underWay;
  const task = resolve(context, ref).finally(() => resolving.delete(key));
  resolving.set(key, task);
  return task;
}

/** Asks the registry what the reference stands for, and keeps what that tells: an alias, perhaps a manifest. */
async function resolve({ storage, registry }: CacheContext, ref: ImageReference): Promise<Digest> {
  const tag = ref.digest === undefined ? ref.tag : undefined;
  const [{ digest, document }, known] = await Promise.all([
    registry.resolveManifest(ref, AbortSignal.timeout(HEAD_TIMEOUT_MS)),
    tag === undefined ? undefined : readTag(storage, ref, tag),
  ]);
  // A registry whose HEAD is of no use has been pulled from: the run need not pull again. What cannot be cached is refused here and now.
  if (document !== undefined) {
    parseManifest(document.bytes, document.mediaType, canonicalReference(ref));
    await writeDocument(storage, document);
  }
  if (tag !== undefined && known !== digest) await writeTag(storage, ref, tag, digest);
  return digest;
}

async function start(
  { config }: CacheContext,
  runs: Runs,
  request: ImageRequest,
  digest: Digest | undefined,
): Promise<PendingImage> {
  const ref = digest === undefined ? request.ref : { ...request.ref, digest };
  await runs.start(runId(ref, request.platform), {
    image: canonicalReference(ref),
    platform: formatPlatform(request.platform),
    maxWaitHours: config.maxWaitHours,
  });
  return { state: 'pending' };
}
