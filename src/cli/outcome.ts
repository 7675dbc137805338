import { EXIT, exitCodeOf } from './exitCodes.ts';
import { formatBytes, formatDuration } from './format.ts';
import type { EnsuredImage } from './service/imageCacheService.ts';

/** What became of an image, in a line: where it failed, why, and whether it is worth trying again. */
export function describeOutcome(view: EnsuredImage): string {
  const { requested, state } = view;
  if (state === 'absent') return `${requested} is gone. Ask again.`;
  if (state !== 'failed') {
    const size = 'size' in view ? ` (${formatBytes(view.size)})` : '';
    return `${requested}: ${state}${size}`;
  }
  if (view.error === undefined) return `${requested}: failed`;
  const { code, detail, retryable, retryAfterSeconds } = view.error;
  const again = retryAfterSeconds === undefined ? '' : ` in ${formatDuration(retryAfterSeconds)}`;
  const remedy = retryable ? `try again${again}` : 'trying again will not help';
  return `${requested}: ${detail} (${code}; ${remedy})`;
}

/** The exit code for an image that is on its way no more. */
export function exitCodeOfImage(view: EnsuredImage): number {
  if (view.state === 'failed') return view.error === undefined ? EXIT.failed.code : exitCodeOf(view.error);
  return view.state === 'absent' ? EXIT.notNow.code : EXIT.done.code;
}
