/**
 * What a terminal is shown. Names and sentences come from services and registries: a control character in them could
 * move the cursor, change the title or hide what stands there.
 */

/** C0 and C1 controls, line separators, and what reorders or hides text (format characters, lone surrogates). */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Takes two columns: https://www.unicode.org/reports/tr11/, by scripts and blocks. */
const WIDE =
  /^[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
/** Takes no column of its own. */
const COMBINING = /^\p{M}/u;

/** The text in one line, with `?` for each character that is more than a mark on the screen. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

/** JSON of one line or of many, in which no control character is left: JSON itself only escapes those below U+0020. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** Columns that printable text takes. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

/** As much of printable text as fits, with `…` where some is missing. */
export function fitted(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let fitting = '';
  let width = 1;
  for (const character of text) {
    width += columnsOf(character);
    if (width > columns) break;
    fitting += character;
  }
  return columns < 1 ? '' : `${fitting}…`;
}

function columnsOf(character: string): number {
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
