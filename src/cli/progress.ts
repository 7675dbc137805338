import type { WriteStream } from 'node:tty';
import type { ProgressView } from '../api/views.ts';
import { formatBytes } from './format.ts';

const BAR_WIDTH = 28;

/** One image's line. */
export interface ProgressLine {
  readonly label: string;
  readonly state: 'ready' | 'pending' | 'failed' | 'absent';
  readonly progress?: ProgressView | undefined;
}

/**
 * Shows several images on their way: as bars that redraw themselves on a terminal, elsewhere as a plain line
 * whenever an image has moved on by a tenth.
 */
export class ProgressDisplay {
  readonly #out: NodeJS.WritableStream;
  readonly #terminal: boolean;
  readonly #columns: number;
  #drawn = 0;
  readonly #said = new Map<string, string>();

  constructor(out: NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>) {
    this.#out = out;
    this.#terminal = out.isTTY === true;
    this.#columns = out.columns ?? 100;
  }

  show(lines: readonly ProgressLine[]): void {
    if (this.#terminal) this.#redraw(lines);
    else for (const line of lines) this.#sayOnce(line);
  }

  #redraw(lines: readonly ProgressLine[]): void {
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    this.#out.write(up + lines.map((line) => `\x1b[2K${barLine(line, this.#columns)}\n`).join(''));
    this.#drawn = lines.length;
  }

  #sayOnce(line: ProgressLine): void {
    const { label, state, progress } = line;
    const tenth = Math.floor(fraction(line) * 10);
    const key = `${state} ${progress?.phase ?? ''} ${tenth}`;
    if (this.#said.get(label) === key) return;
    this.#said.set(label, key);
    this.#out.write(`${label}: ${describe(line)}\n`);
  }
}

function barLine(line: ProgressLine, columns: number): string {
  const full = Math.round(fraction(line) * BAR_WIDTH);
  const bar =
    line.state === 'failed' ? '✗'.padEnd(BAR_WIDTH) : '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
  return `${bar} ${line.label}  ${describe(line)}`.slice(0, columns - 1);
}

function fraction({ state, progress }: ProgressLine): number {
  if (state === 'ready') return 1;
  const { stagedBytes = 0, totalBytes = 0 } = progress ?? {};
  return totalBytes === 0 ? 0 : Math.min(stagedBytes / totalBytes, 1);
}

function describe(line: ProgressLine): string {
  const { state, progress } = line;
  if (state !== 'pending') return state;
  if (progress === undefined) return 'starting';
  const { phase, stagedBytes, totalBytes, waiting } = progress;
  if (waiting !== undefined) return `waiting until ${waiting.until.slice(11, 19)} UTC: ${waiting.detail}`;
  if (stagedBytes === undefined || totalBytes === undefined) return phase;
  return `${phase} ${formatBytes(stagedBytes)} of ${formatBytes(totalBytes)} (${Math.floor(fraction(line) * 100)} %)`;
}
