import { archivesOfTag, findImage } from '../catalog/findImage.ts';
import { markUsed } from '../catalog/markUsed.ts';
import type { CacheContext } from '../context.ts';
import { CacheError, type ErrorCode } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import type { ImageRequest } from '../image/imageRequest.ts';
import { formatPlatform } from '../image/platform.ts';
import { canonicalReference, type ImageReference } from '../image/reference.ts';
import type { ResolvedManifest } from '../registry/manifests.ts';
import { runId, type Runs } from '../runs/messages.ts';
import type { CachedImage } from '../store/archive/archives.ts';
import { addOlder, readTag, writeTag } from '../store/hints/aliases.ts';
import { writeDocument } from '../store/hints/documents.ts';
import type { Turns } from '../store/turns.ts';
import type { PendingImage, ReadyImage } from './describeImage.ts';
import type { OpenRuns } from './openRuns.ts';

/** The caller waits for the answer: a registry that needs longer is asked again by the orchestration. */
const HEAD_TIMEOUT_MS = 15_000;

/** A registry that can be reached says that the tag is not, or not any more, for whoever asks. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['image_not_found', 'registry_denied']);

/** What ensuring works with. */
export interface EnsureContext extends CacheContext {
  /** References that registries are being asked about, so that a burst of requests for one image asks once. */
  readonly resolving: Map<string, Promise<Digest>>;
  readonly openRuns: OpenRuns;
  /** Of what is done in storage and at the task hub for callers, once their registries have answered. */
  readonly ensureTurns: Turns;
}

/**
 * Makes sure that an image is, or will be, cached. The registry is asked first, with one HEAD, so that an image
 * that does not exist is refused at once. Where the registry cannot answer, what the cache has of a tag is served,
 * marked stale; where it says no, ON_REGISTRY_REFUSAL decides, but for archives that were put there by hand: whoever
 * runs the cache said that they are to be had. Asking for a cached image is a use of it.
 * @throws {CacheError} where the image can not be had; registry_throttled where too many are on their way
 */
export async function ensureImage(
  context: EnsureContext,
  runs: Runs,
  request: ImageRequest,
): Promise<ReadyImage | PendingImage> {
  const { ref } = request;
  if (ref.digest !== undefined) {
    // A digest that is cached can not have changed: there is nothing to ask a registry.
    const cached = await findUsed(context, request, ref);
    if (cached !== undefined) return { state: 'ready', cached };
  }
  let digest: Digest;
  try {
    digest = await resolveOnce(context, ref);
  } catch (error) {
    return context.ensureTurns.run(() => withoutRegistry(context, runs, request, error));
  }
  return context.ensureTurns.run(async () => {
    const cached =
      ref.digest === undefined ? await findUsed(context, request, { ...ref, digest }) : undefined;
    if (cached !== undefined) return { state: 'ready', cached };
    await noteAdopted(context, ref);
    return start(context, runs, request, digest, false);
  });
}

/** What is left to do where the registry has not told what a reference stands for. */
async function withoutRegistry(
  context: EnsureContext,
  runs: Runs,
  request: ImageRequest,
  error: unknown,
): Promise<ReadyImage | PendingImage> {
  const { ref } = request;
  if (!(error instanceof CacheError) || error.code === 'storage_unavailable') throw error;
  const isRefused = REFUSALS.has(error.code) && context.config.onRefusal === 'refuse';
  const cached =
    ref.digest === undefined
      ? await findUsed(context, request, ref, (image) => !isRefused || image.adopted !== undefined)
      : undefined;
  if (cached !== undefined) return { state: 'ready', cached, stale: true };
  if (error.retryable) return start(context, runs, request, ref.digest, true);
  throw error;
}

/** The cached image of a reference, stamped. */
async function findUsed(
  { config, storage }: CacheContext,
  { platform }: ImageRequest,
  ref: ImageReference,
  mayServe: (image: CachedImage) => boolean = () => true,
): Promise<CachedImage | undefined> {
  const cached = await findImage(storage, ref, platform);
  if (cached === undefined || !mayServe(cached)) return undefined;
  return markUsed(storage, cached, config.lastUsedResolutionSeconds, new Date());
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
async function resolve(context: EnsureContext, ref: ImageReference): Promise<Digest> {
  const asked = new Date();
  const resolved = await context.registry.resolveManifest(ref, AbortSignal.timeout(HEAD_TIMEOUT_MS));
  return context.ensureTurns.run(() => keep(context, ref, resolved, asked));
}

async function keep(
  { storage }: CacheContext,
  ref: ImageReference,
  { digest, document }: ResolvedManifest,
  asked: Date,
): Promise<Digest> {
  // A registry whose HEAD is of no use has been pulled from: the run need not pull again.
  if (document !== undefined) await writeDocument(storage, document);
  const tag = ref.digest === undefined ? ref.tag : undefined;
  const known = tag === undefined ? undefined : await readTag(storage, ref, tag);
  if (tag !== undefined && known?.digests[0] !== digest) {
    // Until the new image is here, lookups serve what the tag stood for; the archives know where no alias does.
    const older = known === undefined ? await archivesOfTag(storage, ref) : [];
    await writeTag(storage, ref, tag, digest, asked, older.map(tagDigest));
  }
  return digest;
}

/** By which an alias leads to an archive. */
function tagDigest({ adopted, indexDigest, manifestDigest }: CachedImage): Digest {
  return adopted === undefined ? (indexDigest ?? manifestDigest) : manifestDigest;
}

/** Of an archive that was put there since a registry was asked, no alias tells: while a run lasts it is what there is. */
async function noteAdopted({ storage }: CacheContext, ref: ImageReference): Promise<void> {
  if (ref.tag === undefined || ref.digest !== undefined) return;
  const tagged = await archivesOfTag(storage, ref);
  const adopted = tagged.filter((image) => image.adopted !== undefined).map(tagDigest);
  if (adopted.length > 0) await addOlder(storage, ref, ref.tag, adopted);
}

async function start(
  { config, openRuns }: EnsureContext,
  runs: Runs,
  request: ImageRequest,
  digest: Digest | undefined,
  isUnanswered: boolean,
): Promise<PendingImage> {
  // What a run is told of a tag a registry has said: a tag beside a digest that the caller wrote is only its label.
  const { registry, repository, tag } = request.ref;
  const isLabel = request.ref.digest !== undefined;
  const ref = {
    ...{ registry, repository },
    ...(tag !== undefined && !isLabel && { tag }),
    ...(digest !== undefined && { digest }),
  };
  const id = runId(ref, request.platform);
  await openRuns.admit(runs, { id, registry, isUnanswered });
  await runs.start(id, {
    image: canonicalReference(ref),
    platform: formatPlatform(request.platform),
    maxWaitHours: config.maxWaitHours,
  });
  return { state: 'pending' };
}
