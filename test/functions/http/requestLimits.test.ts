import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MAX_URL_CHARACTERS } from '../../../src/api/limits.ts';
import { refuseCrossSite, refuseLongUrl } from '../../../src/functions/http/requestLimits.ts';
import { assertProblem, type RunningApp, startApp } from '../support/app.ts';

const sent = (method: string, headers: Record<string, string>) => () =>
  refuseCrossSite({ method, headers: new Headers({ host: 'cache.example', ...headers }) });

describe('what a browser sends for another site', () => {
  const refused: readonly (readonly [what: string, headers: Record<string, string>])[] = [
    ['a page of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a page of a neighbour', { 'sec-fetch-site': 'same-site', origin: 'https://other.example' }],
    [
      'a page that claims our origin, and the browser says no',
      {
        ...{ 'sec-fetch-site': 'cross-site', origin: 'https://cache.example' },
      },
    ],
    ['a browser that says only its origin', { origin: 'https://evil.example' }],
    ['another port', { origin: 'http://cache.example:8080' }],
    ['a page in a sandbox', { origin: 'null' }],
    ['an origin that is none', { origin: 'cache.example' }],
    ['a word that nobody knows', { 'sec-fetch-site': 'elsewhere' }],
  ];
  for (const [what, headers] of refused) {
    it(`is refused where it changes something: ${what}`, () => {
      for (const method of ['POST', 'DELETE', 'PUT', 'PATCH'])
        assert.throws(sent(method, headers), { code: 'cross_site_request' });
      for (const method of ['GET', 'HEAD']) sent(method, headers)();
    });
  }

  const taken: readonly (readonly [what: string, headers: Record<string, string>])[] = [
    ['a program', {}],
    ['`curl -d`', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['our own page', { 'sec-fetch-site': 'same-origin', origin: 'https://cache.example' }],
    ['our own page behind a front door', { 'sec-fetch-site': 'same-origin', origin: 'https://door.example' }],
    ['our own page over plain http', { origin: 'http://cache.example' }],
    [
      'our own page, as the host forwards it',
      {
        ...{ host: '127.0.0.1:5000', 'x-forwarded-host': 'cache.example', origin: 'https://cache.example' },
      },
    ],
    ['the user', { 'sec-fetch-site': 'none' }],
  ];
  for (const [what, headers] of taken) it(`is not ${what}`, sent('POST', headers));
});

describe("a request's URL", () => {
  it('has an end', () => {
    const url = 'http://h/'.padEnd(MAX_URL_CHARACTERS, 'a');
    refuseLongUrl({ url });
    assert.throws(() => refuseLongUrl({ url: `${url}a` }), { message: /8193 characters; 8192 are taken/ });
  });
});

describe('the app', () => {
  let app: RunningApp;
  before(async () => (app = await startApp(0)));
  after(() => app.close());

  it('refuses both, in the words of a problem', async () => {
    const form = await app.send('/api/images', {
      method: 'POST',
      body: '{"image": "ubuntu:24.04", "x": "=" }',
      headers: { 'content-type': 'text/plain', origin: 'https://evil.example' },
    });
    assertProblem(form, 403, 'cross_site_request', /another site \(https:\/\/evil\.example\)/);
    const removal = await app.send('/api/images?image=ubuntu', {
      method: 'DELETE',
      headers: { origin: 'null' },
    });
    assertProblem(removal, 403, 'cross_site_request', /another site \(null\)/);
    const long = await app.get('/api/images', { image: 'a'.repeat(MAX_URL_CHARACTERS) });
    assertProblem(long, 400, 'invalid_request', /8192 are taken/);
  });

  it('takes what its own pages and programs send', async () => {
    for (const headers of [{ origin: app.url }, { 'content-type': 'application/x-www-form-urlencoded' }]) {
      const answer = await app.send('/api/images', { method: 'POST', body: '{"image": "A"}', headers });
      assertProblem(answer, 400, 'invalid_reference', /lower case/);
    }
  });
});
