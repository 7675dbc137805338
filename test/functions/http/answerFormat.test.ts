import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import functions, { type HttpResponseInit } from '@azure/functions';
import { EnsureQuery } from '../../../src/api/queries.ts';
import { CacheError } from '../../../src/errors.ts';
import { answer, refusal } from '../../../src/functions/http/answerFormat.ts';
import { readQuery } from '../../../src/functions/http/query.ts';

const requested = (query: string) =>
  new functions.HttpRequest({ method: 'GET', url: `http://host/api/x${query}` });
const refused = (query: string): HttpResponseInit =>
  refusal(
    requested(query),
    new CacheError('registry_throttled', 'Later.', { retryAfterSeconds: 7 }),
    new functions.InvocationContext({ logHandler: () => undefined }),
  );

describe('an answer in the format that was asked for', () => {
  it('is JSON, or lines for a shell', () => {
    const answered = (query: string): HttpResponseInit =>
      answer(readQuery(requested(query), EnsureQuery).format, 202, { runRef: 'x:1' }, { Location: '/y' });
    for (const query of ['', '?format=', '?format=json']) {
      assert.deepEqual(answered(query), {
        status: 202,
        jsonBody: { runRef: 'x:1' },
        headers: { Location: '/y' },
      });
    }
    assert.deepEqual(answered('?format=env'), {
      status: 202,
      body: "RUN_REF='x:1'\n",
      headers: { 'Content-Type': 'text/plain; charset=utf-8', Location: '/y' },
    });
  });

  it('tells a problem in it too, with when to ask again', () => {
    const asJson = refused('');
    assert.deepEqual(asJson.headers, { 'Content-Type': 'application/problem+json', 'Retry-After': '7' });
    const asLines = refused('?format=env');
    assert.equal(asLines.status, 503);
    assert.deepEqual(asLines.headers, { 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': '7' });
    assert.match(
      asLines.body as string,
      /^STATE='failed'\nERROR_CODE='registry_throttled'\nERROR_DETAIL='Later\.'$/m,
    );
  });

  it('is refused where the format is none', () => {
    assert.throws(() => readQuery(requested('?format=xml'), EnsureQuery), { code: 'invalid_request' });
    // Which is a problem in JSON: what else could be read is not known.
    assert.deepEqual(refused('?format=xml').headers, refused('').headers);
  });
});
