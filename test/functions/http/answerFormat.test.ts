import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import functions, { type HttpResponseInit } from '@azure/functions';
import { CacheError } from '../../../src/errors.ts';
import { answer, inFormat } from '../../../src/functions/http/answerFormat.ts';

const answered = (query: string, work: Parameters<typeof inFormat>[2]): Promise<HttpResponseInit> =>
  inFormat(
    new functions.HttpRequest({ method: 'GET', url: `http://host/api/x${query}` }),
    new functions.InvocationContext({ logHandler: () => undefined }),
    work,
  );
const throttled = (): Promise<never> =>
  Promise.reject(new CacheError('registry_throttled', 'Later.', { retryAfterSeconds: 7 }));

describe('an answer in the format that was asked for', () => {
  it('is JSON, or lines for a shell', async () => {
    const work: Parameters<typeof inFormat>[2] = (format) =>
      Promise.resolve(answer(format, 202, { runRef: 'x:1' }, { Location: '/y' }));
    for (const query of ['', '?format=', '?format=json']) {
      assert.deepEqual(await answered(query, work), {
        status: 202,
        jsonBody: { runRef: 'x:1' },
        headers: { Location: '/y' },
      });
    }
    assert.deepEqual(await answered('?format=env', work), {
      status: 202,
      body: "RUN_REF='x:1'\n",
      headers: { 'Content-Type': 'text/plain; charset=utf-8', Location: '/y' },
    });
  });

  it('tells a problem in it too, with when to ask again', async () => {
    const asJson = await answered('', throttled);
    assert.deepEqual(asJson.headers, { 'Content-Type': 'application/problem+json', 'Retry-After': '7' });
    const asLines = await answered('?format=env', throttled);
    assert.equal(asLines.status, 503);
    assert.deepEqual(asLines.headers, { 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': '7' });
    assert.match(
      asLines.body as string,
      /^STATE='failed'\nERROR_CODE='registry_throttled'\nERROR_DETAIL='Later\.'$/m,
    );
  });

  it('is refused where the format is none', async () => {
    await assert.rejects(answered('?format=xml', throttled), { code: 'invalid_request' });
  });
});
