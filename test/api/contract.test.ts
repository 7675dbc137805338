import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DETAILS, PENDING, READY } from '../../src/api/examples.ts';
import { type CheckedAnswer, checkAnswer } from '../support/contract.ts';

const SAFE = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
};
type Sent = Partial<Omit<CheckedAnswer, 'headers' | 'text'>> & {
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
};
const answered = ({ headers = {}, body = READY, ...sent }: Sent): CheckedAnswer => ({
  method: 'GET',
  path: '/api/images?image=ubuntu',
  status: 200,
  ...sent,
  headers: new Headers({ ...SAFE, 'content-type': 'application/json', ...headers }),
  text: typeof body === 'string' ? body : JSON.stringify(body),
});
const problem = {
  ...{ title: 'Not Found', status: 404, code: 'image_not_cached' },
  ...{ detail: DETAILS.image_not_cached, retryable: false },
};
const PROBLEM = { 'content-type': 'application/problem+json' };
const LINES = { 'content-type': 'text/plain; charset=utf-8' };
const lookup = { path: '/api/lookup?image=ubuntu' };

describe('holding an answer against the OpenAPI document', () => {
  const right: readonly (readonly [what: string, sent: Sent])[] = [
    ['a state', {}],
    ['a page', { path: '/api/images', body: { images: [READY], continuation: 'x' } }],
    ['a lookup', { ...lookup, body: { ...READY, url: 'https://x/y', urlExpires: '2026-03-01T12:00:00Z' } }],
    ['what is pending', { ...lookup, status: 202, body: PENDING, headers: { 'retry-after': '5' } }],
    ['a problem', { ...lookup, status: 404, headers: PROBLEM, body: problem }],
    ['lines', { ...lookup, headers: LINES, body: "STATE='ready'\nRUN_REF='it'\\''s'\n" }],
    ['no key', { status: 401, body: '' }],
    [
      'a manifest',
      {
        path: '/v2/a/b/c/manifests/1',
        body: '?',
        headers: {
          ...{
            'content-type': 'application/vnd.oci.image.index.v1+json',
            'docker-content-digest': 'sha256:0',
          },
          'docker-distribution-api-version': 'registry/2.0',
        },
      },
    ],
  ];
  for (const [what, sent] of right) it(`takes ${what}`, () => checkAnswer(answered(sent)));

  const wrong: readonly (readonly [what: string, sent: Sent, says: RegExp])[] = [
    ['a member that is not known', { body: { ...READY, sise: 1 } }, /must NOT have additional.*"sise"/],
    [
      'one deep down',
      { body: { ...PENDING, progress: { phase: 'copying', of: 1 } } },
      /\/progress must NOT.*"of"/,
    ],
    ['a member that is missing', { body: { state: 'ready' } }, /required property 'image'/],
    ['a member of another type', { body: { ...READY, size: '7' } }, /\/size must be integer/],
    ['a state that is none', { body: { ...READY, state: 'done' } }, /\/state must be equal to one of/],
    ['a time that is none', { body: { ...READY, lastUsed: 'today' } }, /\/lastUsed must match format/],
    ['a digest that is none', { body: { ...READY, imageId: 'sha256:0' } }, /\/imageId must match pattern/],
    ['a URL where none is given', { body: { ...READY, url: 'https://x' } }, /"url"/],
    ['a call that is none', { path: '/api/image' }, /there is no such call/],
    ['a method that is none', { method: 'PUT' }, /there is no such call/],
    ['a status that the call does not have', { status: 204 }, /the call has no such status/],
    [
      'a content type that it does not have',
      { headers: { 'content-type': 'text/html' } },
      /type is "text\/html"/,
    ],
    ['no content type', { headers: { 'content-type': '' } }, /content type is ""/],
    [
      'a problem as plain JSON',
      { ...lookup, status: 404, body: problem },
      /none of application\/problem\+json/,
    ],
    [
      'a code of another status',
      { ...lookup, status: 404, headers: PROBLEM, body: { ...problem, code: 'image_too_large' } },
      /\/code must be equal/,
    ],
    [
      'a code of another call',
      { status: 404, headers: PROBLEM, body: problem },
      /the call has no such status/,
    ],
    ['a header that is missing', { ...lookup, status: 202, body: PENDING }, /there is no header Retry-After/],
    [
      'a header that is none',
      { ...lookup, status: 202, body: PENDING, headers: { 'retry-after': 'soon' } },
      /Retry-After is "soon"/,
    ],
    [
      'lines that a shell would expand',
      { ...lookup, headers: LINES, body: 'STATE="$(id)"\n' },
      /must match pattern/,
    ],
    ['what is no JSON', { body: '{' }, /it is not JSON/],
  ];
  for (const [what, sent, says] of wrong)
    it(`finds ${what}`, () => assert.throws(() => checkAnswer(answered(sent)), { message: says }));

  it('finds what browsers are not told', () => {
    const answer = answered({});
    answer.headers.delete('x-content-type-options');
    assert.throws(() => checkAnswer(answer), { message: /there is no header x-content-type-options/ });
  });

  it('names the call', () => {
    assert.throws(() => checkAnswer(answered({ status: 204 })), {
      message: /^GET \/api\/images\?image=ubuntu: 204 /,
    });
  });
});
