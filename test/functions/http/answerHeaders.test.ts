import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import functions, { type HttpResponseInit } from '@azure/functions';
import { plainHandler } from '../../../src/functions/http/plainHandler.ts';

const invocation = new functions.InvocationContext({ logHandler: () => undefined });

async function headersOf(
  work: () => Promise<HttpResponseInit>,
  sent: Record<string, string> = {},
): Promise<Headers> {
  const request = new functions.HttpRequest({ method: 'GET', url: 'http://host/x', headers: sent });
  const answer = (await plainHandler(work)(request, invocation)) as HttpResponseInit;
  return answer.headers as Headers;
}

/** https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers */
const EXPECTED = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

describe('every answer', () => {
  it('tells browsers that it is no page, whether it went well or not', async () => {
    for (const work of [
      () => Promise.resolve({ status: 200, jsonBody: {} }),
      () => Promise.reject(new Error('broken')),
    ]) {
      const headers = await headersOf(work);
      for (const [name, value] of Object.entries(EXPECTED)) assert.equal(headers.get(name), value);
      assert.equal(headers.has('strict-transport-security'), false);
    }
  });

  it('that came over https says to come so again', async () => {
    const headers = await headersOf(() => Promise.resolve({ status: 200 }), { 'x-forwarded-proto': 'https' });
    assert.equal(headers.get('strict-transport-security'), 'max-age=31536000');
  });

  it('keeps what its handler says otherwise, however that is written', async () => {
    const page = { 'cache-control': 'public', 'Content-Security-Policy': "default-src 'self'" };
    const headers = await headersOf(() => Promise.resolve({ status: 200, headers: page }));
    assert.equal(headers.get('cache-control'), 'public');
    assert.equal(headers.get('content-security-policy'), "default-src 'self'");
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  });
});
