import { type Geometry, geometryOf, LAYOUT_VERSION, planLayout } from '../archive/layout.ts';
import type { CacheContext } from '../context.ts';
import type { Descriptor } from '../image/manifest.ts';
import { compressionsOf } from '../image/mediaTypes.ts';
import { formatPlatform, parsePlatform } from '../image/platform.ts';
import { canonicalReference, type ImageReference, parseReference, runReference } from '../image/reference.ts';
import type { ImageMetadata } from '../store/archive/archiveMetadata.ts';
import { archiveName } from '../store/archive/archiveNames.ts';
import { readRunPlan, writeRunPlan } from '../store/archive/runPlans.ts';
import { type FetchedImage, fetchImage } from './fetchImage.ts';
import type { PlannedRun } from './messages.ts';

/**
 * All that copying and committing one archive needs, made once: whoever copies a segment reads it and knows where
 * each layer lies, without manifest or config.
 */
export interface RunPlan {
  /** What the archive's metadata will say of its image. */
  readonly identity: Omit<ImageMetadata, 'createdAt' | 'lastUsed'>;
  /** Where layers are pulled from: the manifest by its digest. */
  readonly source: ImageReference;
  /** As the manifest lists them, bottom first. */
  readonly layers: readonly Descriptor[];
  readonly geometry: Geometry;
}

/** @param ref with the digest of the index or manifest that the run is for */
export function makePlan(
  ref: ImageReference,
  { image, platform, indexDigest }: FetchedImage,
  geometry: Geometry,
): RunPlan {
  const manifestDigest = image.manifest.digest;
  return {
    identity: {
      image: canonicalReference(ref),
      platform,
      manifestDigest,
      indexDigest,
      imageId: image.config.digest,
      runRef: runReference(ref, manifestDigest),
      layerCount: image.layers.length,
      compression: compressionsOf(image.layers),
    },
    source: { ...ref, digest: manifestDigest },
    layers: image.layers,
    geometry,
  };
}

/** As it is kept: the geometry follows from the rest, by the rules of this layout. */
interface KeptPlan {
  readonly version: 1;
  readonly layout: typeof LAYOUT_VERSION;
  readonly identity: Omit<RunPlan['identity'], 'platform'> & { readonly platform: string };
  readonly headSize: number;
  readonly layers: readonly (Omit<Descriptor, 'data'> & { readonly data?: string })[];
}

export function keepPlan({ storage }: CacheContext, { blob, run }: PlannedRun, plan: RunPlan): Promise<void> {
  const { identity, layers, geometry } = plan;
  const kept: KeptPlan = {
    version: 1,
    layout: LAYOUT_VERSION,
    identity: { ...identity, platform: formatPlatform(identity.platform) },
    headSize: geometry.headSize,
    layers: layers.map(({ data, ...descriptor }) => ({
      ...descriptor,
      ...(data !== undefined && { data: Buffer.from(data).toString('base64') }),
    })),
  };
  return writeRunPlan(storage, blob, run, kept);
}

/** The plan of a run; undefined where it is lost, or was kept by another version of the app. */
export async function keptPlan(
  { storage }: CacheContext,
  { blob, run }: PlannedRun,
): Promise<RunPlan | undefined> {
  const kept = await readRunPlan(storage, blob, run);
  // Only keepPlan writes there: the version says in which shape.
  const isOurs = kept?.version === 1 && kept.layout === LAYOUT_VERSION;
  return isOurs ? fromKept(kept as unknown as KeptPlan) : undefined;
}

/**
 * The plan of a run; made again where it was lost.
 * @throws {CacheError} where it was lost and the image can not be had any more
 */
export async function openPlan(context: CacheContext, planned: PlannedRun): Promise<RunPlan> {
  const kept = await keptPlan(context, planned);
  if (kept !== undefined) return kept;
  const ref = parseReference(planned.image);
  const fetched = await fetchImage(context, ref, parsePlatform(planned.platform));
  const plan = makePlan(ref, fetched, planLayout(fetched.image));
  const blob = archiveName(ref, plan.identity.manifestDigest);
  if (blob !== planned.blob) throw new Error(`The plan of ${planned.blob} is now one of ${blob}.`);
  await keepPlan(context, planned, plan);
  return plan;
}

function fromKept({ identity, headSize, layers }: KeptPlan): RunPlan {
  const descriptors = layers.map(({ data, ...descriptor }) => ({
    ...descriptor,
    ...(data !== undefined && { data: Buffer.from(data, 'base64') }),
  }));
  const { manifestDigest, imageId } = identity;
  return {
    identity: {
      ...identity,
      indexDigest: identity.indexDigest,
      platform: parsePlatform(identity.platform),
    },
    source: { ...parseReference(identity.image), digest: manifestDigest },
    layers: descriptors,
    geometry: geometryOf(headSize, descriptors, [imageId, manifestDigest]),
  };
}
