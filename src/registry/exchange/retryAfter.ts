/** Nobody means more: a header that says a year is a mistake or an attack. */
const MAX_MS = 7 * 24 * 3600 * 1000;
/** Docker Hub writes the time itself, in Unix seconds. https://github.com/docker/hub-feedback/issues/2459 */
const EPOCH_SECONDS = 1_000_000_000;

/**
 * A Retry-After header in milliseconds from now: seconds, an HTTP date, or Unix seconds.
 * https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function parseRetryAfter(
  header: string | string[] | undefined,
  now: number = Date.now(),
): number | undefined {
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  if (text === undefined || text === '') return undefined;
  let ms: number;
  if (/^\d{1,15}(\.\d{1,9})?$/.test(text)) {
    const seconds = Number(text);
    ms = seconds >= EPOCH_SECONDS ? seconds * 1000 - now : seconds * 1000;
  } else {
    // Only the form with a weekday first: Date.parse takes much that no server means as a date.
    if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
    ms = Date.parse(text) - now;
  }
  return Number.isNaN(ms) ? undefined : Math.min(MAX_MS, Math.max(0, ms));
}
