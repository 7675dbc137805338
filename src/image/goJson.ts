import { CacheError } from '../errors.ts';
import { isObject, type JsonObject } from './json.ts';

/**
 * Documents as Go's encoding/json has them, which nearly all that writes, serves and loads images is built with: bytes
 * that are no UTF-8 are replaced, names of members fit in any case, null is as good as absent, 1.0 and 1e3 are no
 * integers, a byte order mark and anything behind the object are errors. https://pkg.go.dev/encoding/json#Unmarshal
 */

/** Members and items that a document may have: many times what any image has, and no more than can be read in passing. */
export const MAX_VALUES = 250_000;
/** Go's own limit. */
const MAX_DEPTH = 10_000;

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const QUOTE = 0x22;
const FRACTION = /^(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)$/;

/** @throws {CacheError} unsupported_image where the bytes are not one JSON object, or one of absurdly many values */
export function readObject(bytes: Uint8Array, what: string): JsonObject {
  const refuse = (why: string, cause?: unknown): never => {
    throw new CacheError('unsupported_image', `${what} ${why}`, { cause });
  };
  const { values, depth, text } = survey(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  if (values > MAX_VALUES) return refuse(`has more than ${MAX_VALUES} members.`);
  if (depth > MAX_DEPTH) return refuse(`is nested more than ${MAX_DEPTH} deep.`);
  if (text.subarray(0, 3).equals(BYTE_ORDER_MARK)) {
    return refuse('begins with a byte order mark, so that nothing can load it. Write it without one.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text.toString('utf8'));
  } catch (cause) {
    return refuse('is not JSON.', cause);
  }
  return isObject(value) ? value : refuse('is not a JSON object.');
}

/**
 * A member by Go's rule: the last whose name fits in any case. Undefined where it is absent or null.
 * @param name in ASCII
 */
export function member(object: JsonObject, name: string): unknown {
  const wanted = fold(name);
  let found: unknown;
  for (const [key, value] of Object.entries(object)) {
    if (value !== null && (key === name || (key.length === name.length && fold(key) === wanted)))
      found = value;
  }
  return found;
}

/** A member that is text; undefined where it is absent, null, empty, or something else. */
export function textMember(object: JsonObject, name: string): string | undefined {
  const value = member(object, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Unicode has two letters beyond ASCII that Go takes for an ASCII letter: the long s, and the Kelvin sign. */
function fold(name: string): string {
  return name.replaceAll('\u017f', 's').toLowerCase();
}

interface Survey {
  readonly values: number;
  readonly depth: number;
  /** The bytes themselves, or a copy in which an empty object stands for each number that Go takes for no integer. */
  readonly text: Buffer;
}

/** Counts what reading a text would cost. No member that we read is anything but an integer. */
function survey(bytes: Buffer): Survey {
  let text = bytes;
  let values = 0;
  let depth = 0;
  let level = 0;
  for (let at = 0; at < text.length && values <= MAX_VALUES; at++) {
    const byte = text[at] ?? 0;
    if (byte === QUOTE) at = endOfText(text, at);
    else if (byte === 0x7b /* { */ || byte === 0x5b /* [ */) {
      values++;
      depth = Math.max(depth, ++level);
    } else if (byte === 0x7d /* } */ || byte === 0x5d /* ] */) level--;
    else if (byte === 0x2c /* , */) values++;
    else if (isDigit(byte)) {
      const start = at;
      while (isOfNumber(text[at + 1] ?? 0)) at++;
      if (FRACTION.test(text.toString('latin1', start, at + 1))) {
        if (text === bytes) text = Buffer.from(bytes);
        const sign = text[start - 1] === 0x2d /* - */ ? 1 : 0;
        text.fill('{}'.padEnd(at + 1 - start + sign), start - sign, at + 1);
      }
    }
  }
  return { values, depth, text };
}

/** Where the closing quote of the text that begins at `start` is. */
function endOfText(text: Buffer, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== QUOTE) at += text[at] === 0x5c /* \ */ ? 2 : 1;
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isOfNumber(byte: number): boolean {
  return isDigit(byte) || byte === 0x2e || byte === 0x2b || byte === 0x2d || (byte | 0x20) === 0x65;
}
