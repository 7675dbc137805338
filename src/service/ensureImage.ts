import { CacheError } from '../errors.ts';
import { canonicalReference, type ImageReference } from '../image/reference.ts';
import type { Digest } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { formatPlatform } from '../image/platform.ts';
import { writeTag } from '../store/hints/aliases.ts';
import { writeDocument } from '../store/hints/documents.ts';
import type { CacheContext } from '../context.ts';
import { findImage } from '../catalog/findImage.ts';
import { type ImageRequest, type ImageView, pendingView, readyView } from '../api/views.ts';
import { runId, type Runs } from '../runs/messages.ts';

/** The caller waits for the answer: a registry that needs longer is asked again by the orchestration. */
const HEAD_TIMEOUT_MS = 15_000;

/**
 * Makes sure that an image is, or will be, cached. The registry is asked first, with one HEAD, so that an image
 * that does not exist is refused at once. Where the registry cannot answer, what the cache has of a tag is served,
 * marked stale.
 * @throws {CacheError} where the image can not be had
 */
export async function ensureImage(
  context: CacheContext,
  runs: Runs,
  request: ImageRequest,
): Promise<ImageView> {
  const { ref, platform } = request;
  // A tag may have moved, so the registry is asked whatever the cache has: at once, so that a burst meets here.
  const asked = ref.digest === undefined ? resolveDigest(context, ref) : undefined;
  asked?.catch(() => undefined); // awaited below
  const found = await findImage(context.storage, ref, platform);
  // A digest that is cached can not have changed: there is nothing to ask a registry.
  if (ref.digest !== undefined && found.cached !== undefined) return readyView(request, found.cached);

  let digest: Digest;
  try {
    digest = await (asked ?? resolveDigest(context, ref));
  } catch (error) {
    if (!(error instanceof CacheError) || error.code === 'storage_unavailable') throw error;
    if (found.cached !== undefined) return readyView(request, found.cached, true);
    if (error.retryable) return start(context, runs, request, ref.digest);
    throw error;
  }
  const { cached } =
    digest === found.digest ? found : await findImage(context.storage, { ...ref, digest }, platform);
  return cached === undefined ? start(context, runs, request, digest) : readyView(request, cached);
}

/** HEADs under way, so that a burst of requests for one image asks its registry once. */
const resolving = new Map<string, Promise<Digest>>();

function resolveDigest(context: CacheContext, ref: ImageReference): Promise<Digest> {
  const key = canonicalReference(ref);
  const under = resolving.get(key);
  if (under !== undefined) return under;
  const task = (async () => {
    const { storage, registry } = context;
    const { digest, document } = await registry.resolveManifest(ref, AbortSignal.timeout(HEAD_TIMEOUT_MS));
    // A registry whose HEAD is of no use has been pulled from: the run need not pull again. Kept under the type that
    // it is understood as, as in archiveImage.ts; what cannot be cached is refused here and now.
    if (document !== undefined) {
      const { bytes } = document;
      const { mediaType } = parseManifest(bytes, document.mediaType, key);
      await writeDocument(storage, digest, { bytes, mediaType });
    }
    if (ref.tag !== undefined && ref.digest === undefined) await writeTag(storage, ref, ref.tag, digest);
    return digest;
  })().finally(() => resolving.delete(key));
  resolving.set(key, task);
  return task;
}

async function start(
  { config }: CacheContext,
  runs: Runs,
  request: ImageRequest,
  digest: Digest | undefined,
): Promise<ImageView> {
  const ref = digest === undefined ? request.ref : { ...request.ref, digest };
  await runs.start(runId(ref, request.platform), {
    image: canonicalReference(ref),
    platform: formatPlatform(request.platform),
    maxWaitHours: config.maxWaitHours,
  });
  return pendingView(request);
}
