import type { ProgressView } from '../../api/views.ts';
import { formatBytes, formatDuration } from '../format.ts';
import { displayWidth, fitted, printable } from '../terminalText.ts';
import type { TransferRate } from './transferRate.ts';

const BAR_COLUMNS = 28;
const NARROW_BAR_COLUMNS = 10;
/** So much of a name stays, whatever else there is to say. */
const MIN_LABEL_COLUMNS = 8;
/** Time left that is longer than this says that nothing is known. */
const MAX_SECONDS_LEFT = 99 * 3600;

/** One image on its way. */
export interface ImageProgress {
  readonly label: string;
  readonly progress?: ProgressView | undefined;
  readonly rate?: TransferRate | undefined;
}

/** 0 to 1. */
export function fraction({ progress }: ImageProgress): number {
  const { stagedBytes = 0, totalBytes = 0 } = progress ?? {};
  return totalBytes === 0 ? 0 : Math.min(stagedBytes / totalBytes, 1);
}

/**
 * What an image does: `copying 5.0 MiB of 10.0 MiB (50 %), 1.0 MiB/s, 5 s left`.
 * @param now milliseconds since 1970
 */
export function describeProgress(image: ImageProgress, now: number): string {
  const { progress, rate } = image;
  if (progress === undefined) return 'starting';
  const { phase, stagedBytes, totalBytes, waiting } = progress;
  if (waiting !== undefined) return printable(describeWaiting(waiting, now));
  if (stagedBytes === undefined || totalBytes === undefined) return printable(phase);
  const percent = Math.floor(fraction(image) * 100);
  const parts = [
    `${printable(phase)} ${formatBytes(stagedBytes)} of ${formatBytes(totalBytes)} (${percent} %)`,
    ...(stagedBytes < totalBytes ? describeRate(rate, totalBytes) : []),
  ];
  return parts.join(', ');
}

/** As much of it as fits: the bar goes first, then the end of the name, then the end of the rest. */
export function barLine(image: ImageProgress, columns: number, now: number): string {
  const label = printable(image.label);
  const text = describeProgress(image, now);
  const barColumns = columns >= 90 ? BAR_COLUMNS : columns >= 60 ? NARROW_BAR_COLUMNS : 0;
  const full = Math.round(fraction(image) * barColumns);
  const bar = barColumns === 0 ? '' : `${'█'.repeat(full)}${'░'.repeat(barColumns - full)} `;
  const room = columns - displayWidth(bar) - 2;
  const labelColumns = Math.max(room - displayWidth(text), Math.min(MIN_LABEL_COLUMNS, room), 1);
  return fitted(`${bar}${fitted(label, labelColumns)}  ${text}`, columns);
}

function describeWaiting({ detail, until }: NonNullable<ProgressView['waiting']>, now: number): string {
  const time = Date.parse(until);
  if (Number.isNaN(time)) return `waiting: ${detail}`;
  const left = time > now ? ` (${formatDuration((time - now) / 1000)})` : '';
  return `waiting until ${new Date(time).toISOString().slice(11, 19)} UTC${left}: ${detail}`;
}

function describeRate(rate: TransferRate | undefined, totalBytes: number): string[] {
  const speed = rate?.bytesPerSecond;
  if (speed === undefined) return [];
  const left = rate?.secondsLeft(totalBytes);
  return [
    `${formatBytes(speed)}/s`,
    ...(left !== undefined && left <= MAX_SECONDS_LEFT ? [`${formatDuration(left)} left`] : []),
  ];
}
