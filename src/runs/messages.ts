import { createHash } from 'node:crypto';
import type { Stretch } from '../archive/stretches.ts';
import type { ErrorCode, Failure } from '../errors.ts';
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
  /** Trace context of the request that started the run; its activities make spans below it. */
  readonly traceparent?: string;
}

/** What an activity's input says of the trace that it belongs to. */
interface Traced {
  readonly traceparent?: string;
}

export interface ResolveInput extends Traced {
  readonly image: string;
  readonly platform: string;
  readonly run: string;
}

/** A run whose plan is made: enough to find the plan, and to make it again. */
export interface PlannedRun {
  readonly run: string;
  /** Canonical reference, with the digest of the index or manifest that the run is for. */
  readonly image: string;
  readonly platform: string;
  readonly blob: string;
  /** What the archive is cut into; kept, so that a run that spans two versions of the app goes on as it began. */
  readonly blockBytes: number;
}

/** Output of `resolveImage`: what is left to do. */
export type Resolved =
  | { readonly cached: true; readonly blob: string }
  | {
      readonly cached: false;
      readonly planned: PlannedRun;
      readonly totalBytes: number;
      /** Which staged the blocks of the archive's head and end. */
      readonly attempt: string;
      readonly stretches: readonly Stretch[];
    };

/** Blocks that are still to be copied. */
export interface PendingStretch extends Stretch {
  /**
   * The state of its layer's digest where the stretch begins, base64. Where it is there, the stretch lies in one
   * layer, and its digest is to be carried on with a hash whose state can be saved again.
   */
  readonly hashState?: string;
}

export interface CopyInput extends Traced {
  readonly planned: PlannedRun;
  readonly stretches: readonly PendingStretch[];
}

/** Blocks that are staged; proven with the last one of their layer. */
export interface CopiedStretch extends Stretch {
  readonly attempt: string;
}

/** What became of the stretches that one activity was given. */
export interface Copied {
  readonly done: readonly CopiedStretch[];
  /** Also what was copied before, where a layer turned out to be corrupt: the copies that come later count. */
  readonly rest: readonly PendingStretch[];
  /** Why there is a rest; none where only its time was up. */
  readonly failure?: Failure;
}

export interface CommitInput extends Traced {
  readonly planned: PlannedRun;
  readonly attempt: string;
  /** In the order in which they were copied: of two copies of a block the later one counts. */
  readonly copied: readonly CopiedStretch[];
  readonly spent: TimeSpent;
}

/** How long a run took until its commit, by its own clock. */
export interface TimeSpent {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly resolveSeconds: number;
  readonly copySeconds: number;
  readonly waitSeconds: number;
}

/** Of `abandonRun`: a run that ended in failure. */
export interface AbandonInput extends Traced {
  readonly run: string;
  readonly image: string;
  readonly platform: string;
  readonly code: ErrorCode;
  /** None where the run did not come to its plan. */
  readonly planned?: PlannedRun;
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
  /** Why it waits, and until when. */
  readonly waiting?: { readonly code: ErrorCode; readonly detail: string; readonly until: string };
}

export type RunStatus =
  | { readonly state: 'pending'; readonly progress?: RunProgress }
  | { readonly state: 'succeeded' }
  | { readonly state: 'failed'; readonly error: Failure };

/** The orchestrations, as the use cases need them; src/functions/durable has the real ones. */
export interface Runs {
  /** Starts a run, or joins the one that is under way under this id. */
  start(id: string, input: RunInput): Promise<void>;
  status(id: string): Promise<RunStatus | undefined>;
}

/** A run as a list of them shows it. */
export interface ListedRun {
  readonly id: string;
  readonly image: string;
  readonly platform: string;
  readonly status: RunStatus;
  readonly startedAt: Date;
  readonly updatedAt: Date;
}

/** What the task hub remembers of all runs. */
export interface RunHistory {
  /** All that are under way. */
  underWay(): Promise<readonly ListedRun[]>;
  /** Those that have ended, and were started at that time or later. */
  endedSince(oldest: Date): Promise<readonly ListedRun[]>;
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
