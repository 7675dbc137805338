import { app } from '@azure/functions';
import { type AssembledPage, assemblePage } from '../../../ui/assemblePage.ts';
import { plainHandler } from '../plainHandler.ts';

/** The bundle carries the page (build.mjs); from sources it is put together at the start. */
declare const OPERATOR_PAGE: AssembledPage | undefined;

const page = typeof OPERATOR_PAGE === 'object' ? OPERATOR_PAGE : assemblePage();

const HEADERS = {
  'Cache-Control': 'no-cache',
  ETag: page.etag,
  'Content-Security-Policy': page.contentSecurityPolicy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** For anybody: there is nothing in it but what asks for a key, and shows what the key opens. */
app.http('ui', {
  route: 'api/ui',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: plainHandler((request) => {
    const known = (request.headers.get('if-none-match') ?? '')
      .split(',')
      .map((tag) => tag.trim().replace(/^W\//, ''));
    if (known.includes(page.etag)) return Promise.resolve({ status: 304, headers: HEADERS });
    const headers = { ...HEADERS, 'Content-Type': 'text/html; charset=utf-8' };
    return Promise.resolve({ status: 200, headers, body: page.html });
  }),
});
