import type { HttpRequest } from '@azure/functions';
import { MAX_URL_CHARACTERS } from '../../api/limits.ts';
import { CacheError } from '../../errors.ts';
import { printable } from '../../image/printable.ts';

/** @throws {CacheError} invalid_request */
export function refuseLongUrl({ url }: Pick<HttpRequest, 'url'>): void {
  if (url.length <= MAX_URL_CHARACTERS) return;
  throw new CacheError(
    'invalid_request',
    `The request's URL has ${url.length} characters; ${MAX_URL_CHARACTERS} are taken. Send several images in the body of POST /api/images.`,
  );
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses what a browser sends for another site: behind Entra a browser has a session cookie, which goes along with
 * whatever any page makes it send. Browsers say where a request comes from; programs, such as curl, say nothing, and
 * have no such cookie. So a body's type decides nothing, and `curl -d` needs no header.
 * https://web.dev/articles/fetch-metadata
 * @throws {CacheError} cross_site_request
 */
export function refuseCrossSite({ method, headers }: Pick<HttpRequest, 'method' | 'headers'>): void {
  if (SAFE_METHODS.has(method)) return;
  const site = headers.get('sec-fetch-site');
  if (site === 'same-origin' || site === 'none') return;
  const origin = headers.get('origin');
  // Browsers leave Sec-Fetch-Site out over plain http, and old ones always.
  if (site === null && (origin === null || isOwn(origin, headers))) return;
  throw new CacheError(
    'cross_site_request',
    `A browser sends this for another site (${printable(origin ?? site ?? '', 100)}), which nobody may do. Call the service from its own page, or from a program.`,
  );
}

/** A page cannot set these headers: a browser sends none of them across sites without asking the service first. */
function isOwn(origin: string, headers: HttpRequest['headers']): boolean {
  if (!URL.canParse(origin)) return false;
  const { host } = new URL(origin);
  return [headers.get('host'), headers.get('x-forwarded-host')].includes(host);
}
