import type { HttpRequest, HttpResponseInit } from '@azure/functions';

/**
 * What every answer says to browsers: it is no page, nothing may frame, load, guess or keep it. A handler that has
 * something else to say, as of a page or of what is static, sets the header itself.
 * https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
 */
const SAFE_HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const;

/** A year; only over https. https://www.rfc-editor.org/rfc/rfc6797#section-7.2 */
const HTTPS_ONLY = { 'Strict-Transport-Security': 'max-age=31536000' } as const;

/** Of what is the same for everybody until the app is updated. */
export const STATIC = { 'Cache-Control': 'public, max-age=300' } as const;

export function withSafeHeaders(
  request: Pick<HttpRequest, 'headers'>,
  answer: HttpResponseInit,
): HttpResponseInit {
  const headers = new Headers(answer.headers);
  const isHttps = request.headers.get('x-forwarded-proto') === 'https';
  for (const [name, value] of Object.entries({ ...SAFE_HEADERS, ...(isHttps && HTTPS_ONLY) }))
    if (!headers.has(name)) headers.set(name, value);
  return { ...answer, headers };
}
