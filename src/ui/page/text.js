/** Figures, times and names as people read them. Pure. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Of control characters, and of those that turn the direction of text or cannot be seen. */
// eslint-disable-next-line no-control-regex -- they are what it is about
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/**
 * Text that a registry or a caller wrote: what cannot be seen, or would reorder what stands around it, is written out.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(UNSEEN, (character) =>
    character === '\n' || character === '\t'
      ? ' '
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * 1536 is `1.5 KiB`.
 * @param {number} bytes
 */
export function formatBytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

const WHOLE = new Intl.NumberFormat('en');

/** @param {number} number */
export function formatCount(number) {
  return WHOLE.format(number);
}

/**
 * `1 image`, `1,204 images`.
 * @param {number} number
 * @param {string} noun
 */
export function counted(number, noun) {
  return `${formatCount(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/**
 * The largest unit that fits: `40 s`, `3 min`, `5 h`, `12 days`.
 * @param {number} seconds
 */
export function formatDuration(seconds) {
  if (Number.isNaN(seconds)) return '?';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  if (whole < 90 * 60) return `${Math.round(whole / 60)} min`;
  if (whole < 36 * 3600) return `${Math.round(whole / 3600)} h`;
  return `${formatCount(Math.round(whole / 86400))} days`;
}

/**
 * @param {string | undefined} time ISO 8601
 * @param {number} now milliseconds
 */
export function formatAgo(time, now) {
  const seconds = (now - Date.parse(time ?? '')) / 1000;
  if (Number.isNaN(seconds)) return '';
  return seconds < 10 ? 'just now' : `${formatDuration(seconds)} ago`;
}

const DATE = new Intl.DateTimeFormat('en-GB', { year: 'numeric', month: 'short', day: 'numeric' });
const DATE_TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** @param {string | undefined} time ISO 8601 */
export function formatDate(time) {
  return time === undefined || Number.isNaN(Date.parse(time)) ? '' : DATE.format(new Date(time));
}

/** @param {string | undefined} time ISO 8601 */
export function formatDateTime(time) {
  return time === undefined || Number.isNaN(Date.parse(time)) ? '' : DATE_TIME.format(new Date(time));
}

/**
 * For the attribute of that name; undefined for what is no time.
 * @param {string | undefined} time ISO 8601
 */
export function dateTimeOf(time) {
  const date = new Date(time ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** @param {number} time milliseconds; what is no time is told as such */
export function formatClock(time) {
  return Number.isNaN(time) ? 'an unknown time' : CLOCK.format(new Date(time));
}

/**
 * A canonical reference in its parts, the name as Docker prints it.
 * @param {string} image
 */
export function imageParts(image) {
  const at = image.indexOf('@');
  const named = at === -1 ? image : image.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const full = hasTag ? named.slice(0, colon) : named;
  return {
    full,
    name: full.replace(/^docker\.io\/(library\/(?=[^/]+$))?/, ''),
    tag: hasTag ? named.slice(colon + 1) : '',
    digest: at === -1 ? '' : image.slice(at + 1),
  };
}

/**
 * The beginning of a digest, as tools print it.
 * @param {string} digest
 */
export function shortDigest(digest) {
  return digest.replace(/^(\w+:[0-9a-f]{12})[0-9a-f]+$/, '$1');
}

/**
 * A sentence with its digests as tools print them.
 * @param {string} text
 */
export function shortened(text) {
  return text.replace(/\b(sha(?:256|512):[0-9a-f]{12})[0-9a-f]{52,}/g, '$1…');
}
