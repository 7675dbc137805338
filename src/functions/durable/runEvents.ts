import type { ErrorCode, Failure } from '../../errors.ts';
import { parseReference } from '../../image/reference.ts';
import type { BytesPulled } from '../../registry/blob/blobReader.ts';
import type { CommittedArchive } from '../../runs/commitArchive.ts';
import type { TimeSpent } from '../../runs/messages.ts';
import type { ServiceEvents } from '../../telemetry/serviceEvents.ts';

/** What activities tell of their run. */

export interface ToldRun {
  readonly run: string;
  /** Canonical reference. */
  readonly image: string;
  readonly platform: string;
}

export function tellCached(
  events: ServiceEvents,
  run: ToldRun,
  { manifestDigest, bytes }: CommittedArchive,
  { startedAt, ...phases }: TimeSpent,
  commitSeconds: number,
): void {
  events.emit({
    type: 'image_cached',
    ...told(run),
    manifestDigest,
    bytes,
    // Two machines' clocks may differ.
    seconds: inMilliseconds(Math.max(0, (Date.now() - Date.parse(startedAt)) / 1000)),
    phases: {
      resolveSeconds: inMilliseconds(phases.resolveSeconds),
      copySeconds: inMilliseconds(phases.copySeconds),
      commitSeconds: inMilliseconds(commitSeconds),
      waitSeconds: inMilliseconds(phases.waitSeconds),
    },
  });
}

export function tellFailed(events: ServiceEvents, run: ToldRun, code: ErrorCode): void {
  events.emit({ type: 'image_failed', ...told(run), code });
}

export function tellPulled(events: ServiceEvents, run: ToldRun, pulled: BytesPulled): void {
  for (const source of ['registry', 'redirect'] as const) {
    const bytes = pulled[source];
    if (bytes > 0) events.emit({ type: 'bytes_pulled', ...told(run), source, bytes });
  }
}

/** Where a registry is what has to be waited for; not where it is asked no more. */
export function tellWait(events: ServiceEvents, run: ToldRun, failure: Failure): void {
  const { code, retryable, retryAfterSeconds: seconds = 0 } = failure;
  if (!retryable || (code !== 'registry_throttled' && code !== 'registry_unavailable')) return;
  events.emit({ type: 'registry_wait', ...told(run), code, seconds });
}

function told({ run, image, platform }: ToldRun) {
  return { run, registry: parseReference(image).registry, image, platform };
}

function inMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
