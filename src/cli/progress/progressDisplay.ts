import type { WriteStream } from 'node:tty';
import { barLine, describeProgress, fraction, type ImageProgress } from './progressLine.ts';
import { displayWidth, printable } from '../terminalText.ts';

/** Who reads a log of plain lines hears of a slow image at least so often, in milliseconds. */
const SAY_AGAIN_MS = 60_000;

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_BELOW = '\x1b[J';

/** Where progress goes: a terminal where it says so. */
export type ProgressStream = NodeJS.WritableStream & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>;

/**
 * Shows several images on their way: on a terminal as bars that redraw themselves below what was said, elsewhere as a
 * plain line whenever an image has moved on by a tenth.
 */
export class ProgressDisplay {
  readonly #out: ProgressStream;
  readonly #terminal: boolean;
  readonly #said = new Map<string, { readonly key: string; readonly time: number }>();
  /** The bars that stand there, as they were drawn. */
  #drawn: readonly string[] = [];
  #cursorHidden = false;

  constructor(out: ProgressStream, env: NodeJS.ProcessEnv = {}) {
    this.#out = out;
    // A dumb terminal cannot go back over what it has.
    this.#terminal = out.isTTY === true && env.TERM !== 'dumb';
  }

  /** @param now milliseconds since 1970 */
  show(images: readonly ImageProgress[], now: number): void {
    if (this.#terminal) this.#redraw('', this.#bars(images, now));
    else for (const image of images) this.#sayOnce(image, now);
  }

  /** Says something that stays, above the bars. */
  say(text: string): void {
    const line = `${printable(text)}\n`;
    if (this.#terminal) this.#redraw(line, this.#drawn);
    else this.#out.write(line);
  }

  /** Takes the bars away and leaves the terminal as it was. Can be called twice. */
  close(): void {
    if (this.#terminal) this.#redraw('', []);
    if (this.#cursorHidden) this.#out.write(SHOW_CURSOR);
    this.#cursorHidden = false;
  }

  /** No more than the screen has rows: what has left it at the top could not be drawn again. */
  #bars(images: readonly ImageProgress[], now: number): string[] {
    const columns = Math.max(this.#columns - 1, 1);
    const most = Math.max(sizeOf(this.#out.rows, 24) - 2, 1);
    const shown = images.length <= most ? images : images.slice(0, most - 1);
    const more = images.length - shown.length;
    return [
      ...shown.map((image) => barLine(image, columns, now)),
      ...(more > 0 ? [`… and ${more} more`.slice(0, columns)] : []),
    ];
  }

  get #columns(): number {
    return sizeOf(this.#out.columns, 100);
  }

  #redraw(above: string, bars: readonly string[]): void {
    if (above === '' && bars.length === 0 && this.#drawn.length === 0) return;
    const columns = this.#columns;
    // A terminal that has become narrower has broken the lines that stand there.
    const up = this.#drawn.reduce(
      (rows, line) => rows + Math.max(Math.ceil(displayWidth(line) / columns), 1),
      0,
    );
    const hide = !this.#cursorHidden && bars.length > 0 ? HIDE_CURSOR : '';
    this.#cursorHidden ||= hide !== '';
    const back = up > 0 ? `\x1b[${up}A\r${CLEAR_BELOW}` : '';
    this.#out.write(hide + back + above + bars.map((line) => `${line}\n`).join(''));
    this.#drawn = bars;
  }

  #sayOnce(image: ImageProgress, now: number): void {
    const { label, progress } = image;
    const key = [progress?.phase, progress?.waiting?.code, Math.floor(fraction(image) * 10)].join(' ');
    const last = this.#said.get(label);
    if (last?.key === key && now - last.time < SAY_AGAIN_MS) return;
    this.#said.set(label, { key, time: now });
    this.#out.write(`${printable(label)}: ${describeProgress(image, now)}\n`);
  }
}

/** A terminal whose size nobody set says 0. */
function sizeOf(said: number | undefined, usual: number): number {
  return said === undefined || said < 1 ? usual : said;
}
