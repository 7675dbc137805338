/** The service's own calls, with the function key of this session where there is one. */

const KEY_ITEM = 'image-cache-function-key';
/** Longer than the service takes to answer anything, in milliseconds. */
const ANSWER_MS = 220_000;

/** The service wants to know who asks: 401, or a redirect to a page for signing in. */
export class SignInNeeded extends Error {}

/** The host knows who asks, and does not let them in. */
export class NotAllowed extends Error {}

/** Nobody answered, or nobody who speaks as the service does. */
export class NoAnswer extends Error {}

/** What the service answered with a problem of its own. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} detail
   */
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

export function hasKey() {
  return sessionStorage.getItem(KEY_ITEM) !== null;
}

/**
 * Whether a header can carry it: with anything else no request would be sent, now or after a reload.
 * @param {string} text
 */
export function isKey(text) {
  return /^[\x21-\x7e]+$/.test(text);
}

/** @param {string} key kept until the tab is closed; it goes into a header, never into an address */
export function useKey(key) {
  sessionStorage.setItem(KEY_ITEM, key);
}

export function forgetKey() {
  sessionStorage.removeItem(KEY_ITEM);
}

/**
 * @param {'GET' | 'POST' | 'DELETE'} method
 * @param {string} path below /api/
 * @param {{query?: Record<string, string>, body?: object, signal?: AbortSignal | undefined}} [options]
 * @returns {Promise<any>}
 * @throws {SignInNeeded | NotAllowed | NoAnswer | Refused} or AbortError
 */
export async function call(method, path, { query = {}, body, signal } = {}) {
  const search = new URLSearchParams(query).toString();
  const key = sessionStorage.getItem(KEY_ITEM);
  const late = AbortSignal.timeout(ANSWER_MS);
  /** @type {Response} */
  let answer;
  /** @type {string} */
  let text;
  try {
    answer = await fetch(`/api/${path}${search === '' ? '' : `?${search}`}`, {
      method,
      headers: {
        ...(key !== null && { 'x-functions-key': key }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      cache: 'no-store',
      redirect: 'manual',
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    });
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new NoAnswer('The service does not answer.');
  }
  const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json') === true;
  if (answer.type === 'opaqueredirect' || answer.status === 401) throw new SignInNeeded();
  if (answer.status === 403 && !isProblem) throw new NotAllowed();
  /** @type {any} */
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new NoAnswer(`The service answered with ${answer.status}, and nothing that can be read.`);
  }
  if (answer.ok) return value;
  if (isProblem) throw new Refused(answer.status, String(value.code), String(value.detail));
  throw new NoAnswer(`The service answered with ${answer.status}.`);
}
