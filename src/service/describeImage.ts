import { readArchive } from '../store/archive/archives.ts';
import { stagedBytes } from '../store/archive/staging.ts';
import type { Storage } from '../store/storage.ts';
import type { CacheContext } from '../context.ts';
import { findImage } from '../catalog/findImage.ts';
import {
  absentView,
  failedView,
  type ImageRequest,
  type ImageView,
  pendingView,
  type ProgressView,
  readyView,
} from '../api/views.ts';
import { runId, type RunProgress, type Runs, type RunStatus } from '../runs/messages.ts';

/** The image's state, as far as the cache knows by itself: no registry is asked, `lastused` is left alone. */
export async function describeImage(
  { storage }: CacheContext,
  runs: Runs,
  request: ImageRequest,
): Promise<ImageView> {
  const { ref, platform } = request;
  const { digest, cached } = await findImage(storage, ref, platform);
  if (cached !== undefined) return readyView(request, cached);
  const status =
    (digest === undefined ? undefined : await runs.status(runId({ ...ref, digest }, platform))) ??
    // A run that was started before the tag could be resolved is the tag's own.
    (ref.digest === undefined ? await runs.status(runId(ref, platform)) : undefined);
  if (status === undefined) return absentView(request);
  return viewOfRun(storage, request, status);
}

async function viewOfRun(storage: Storage, request: ImageRequest, status: RunStatus): Promise<ImageView> {
  switch (status.state) {
    case 'failed':
      return status.error === undefined ? absentView(request) : failedView(request, status.error);
    case 'pending': {
      const progress = status.progress && (await progressOf(storage, status.progress));
      // A commit takes the staged blocks away a moment before the run has ended.
      if (status.progress?.blob !== undefined && progress?.stagedBytes === 0) {
        const cached = await readArchive(storage, status.progress.blob);
        if (cached !== undefined) return readyView(request, cached);
      }
      return pendingView(request, progress);
    }
    case 'succeeded': {
      // It was not there a moment ago: committed just now, or deleted since.
      const { cached } = await findImage(storage, request.ref, request.platform);
      return cached === undefined ? absentView(request) : readyView(request, cached);
    }
  }
}

/** Exact, and free of bookkeeping: the bytes are counted where they lie, among the blob's uncommitted blocks. */
async function progressOf(storage: Storage, progress: RunProgress): Promise<ProgressView> {
  const { phase, blob, run, totalBytes, waiting } = progress;
  return {
    phase,
    ...(blob !== undefined &&
      totalBytes !== undefined && { stagedBytes: await stagedBytes(storage, blob, run), totalBytes }),
    ...(waiting !== undefined && { waiting }),
  };
}
