import { createHash } from 'node:crypto';
import type { Lane } from '../archive/copyPlan.ts';
import type { ErrorCode, Failure } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import { formatPlatform, type Platform } from '../image/platform.ts';
import { canonicalReference, type ImageReference } from '../image/reference.ts';

/**
 * What passes between the functions, through Durable's history: small, plain JSON, no secrets, no Error objects
 * (their type is lost there).
 */

/** Input of the orchestration `cacheImage`. */
export interface RunInput {
  /** Canonical reference: with the digest where the tag could be resolved. */
  readonly image: string;
  readonly platform: string;
  /** Copied from the settings: an orchestrator must not read what may change between replays. */
  readonly maxWaitHours: number;
}

/** Output of `resolveImage`: all that the orchestration needs to know to copy and commit. */
export interface CopyPlan {
  /** Canonical reference that the archive is for, with its manifest's digest. */
  readonly image: string;
  readonly platform: string;
  readonly manifestDigest: Digest;
  readonly indexDigest?: Digest;
  readonly blob: string;
  /** What the archive is cut into; kept, so that a run that spans two versions of the app goes on as it began. */
  readonly blockBytes: number;
  readonly totalBytes: number;
  /** The archive was there already: nothing to do. */
  readonly cached: boolean;
  readonly lanes: readonly Lane[];
}

export interface CopyInput {
  readonly plan: Pick<CopyPlan, 'image' | 'platform' | 'manifestDigest' | 'blob' | 'blockBytes'>;
  readonly run: string;
  readonly from: number;
  readonly to: number;
  /** The state of a layer's sha256 where its segment before ended, base64. */
  readonly hashState?: string;
}

/** A segment that is staged and, where a layer ends in it, proven. */
export interface CopiedSegment {
  readonly from: number;
  readonly to: number;
  readonly attempt: string;
  readonly hashState?: string;
}

export interface CommitInput {
  readonly plan: Omit<CopyPlan, 'lanes' | 'cached' | 'totalBytes'>;
  readonly run: string;
  readonly segments: readonly CopiedSegment[];
}

export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Failure };

export type RunOutput =
  { readonly ok: true; readonly blob: string } | { readonly ok: false; readonly error: Failure };

/** What a run shows while it is under way: Durable's custom status. */
export interface RunProgress {
  readonly phase: 'resolving' | 'copying' | 'waiting' | 'committing';
  readonly run: string;
  readonly blob?: string;
  readonly totalBytes?: number;
  /** Why it waits, for how long, and what the registry says of the quota. */
  readonly waiting?: { readonly code: ErrorCode; readonly detail: string; readonly until: string };
}

export interface RunStatus {
  readonly state: 'pending' | 'succeeded' | 'failed';
  readonly progress?: RunProgress;
  readonly error?: Failure;
}

/** The orchestrations, as the use cases need them; src/functions has the real ones. */
export interface Runs {
  /** Starts a run, or joins the one that is under way under this id. */
  start(id: string, input: RunInput): Promise<void>;
  status(id: string): Promise<RunStatus | undefined>;
}

/**
 * One run per image and platform: two requests for the same image meet under the same id.
 * @param ref with its digest; without one (the tag could not be resolved) the run is the tag's
 */
export function runId(ref: ImageReference, platform: Platform): string {
  const { registry, repository, digest } = ref;
  const image =
    digest === undefined ? canonicalReference(ref) : canonicalReference({ registry, repository, digest });
  return createHash('sha256')
    .update(`${image} ${formatPlatform(platform)}`)
    .digest('hex');
}
