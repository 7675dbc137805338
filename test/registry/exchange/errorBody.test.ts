import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeErrors, parseErrors } from '../../../src/registry/exchange/errorBody.ts';

describe('parseErrors', () => {
  for (const [what, text, errors] of [
    ['a list', '{"errors":[{"code":"DENIED","message":"no"}]}', [{ code: 'DENIED', message: 'no' }]],
    ['a code alone', '{"errors":[{"code":"DENIED","detail":{}}]}', [{ code: 'DENIED', message: '' }]],
    ["a realm's details", '{"details":"incorrect username"}', [{ code: '', message: 'incorrect username' }]],
    ['a list with nothing in it', '{"errors":[null,1,"x",{},{"code":7}]}', []],
    ['a list that is none', '{"errors":"broken"}', []],
    ['a page', '<html>', []],
    ['nothing', '', []],
  ] as const) {
    it(`reads ${what}`, () => assert.deepEqual(parseErrors(text), errors));
  }
  it('reads the first three', () => {
    const errors = Array.from({ length: 9 }, (_, index) => ({ code: `E${index}`, message: '' }));
    assert.deepEqual(parseErrors(JSON.stringify({ errors })), errors.slice(0, 3));
  });
});

describe('describeErrors', () => {
  it('is one printable line of bounded length', () => {
    const said = describeErrors([
      { code: 'A', message: 'one\r\ntwo\u0007' },
      { code: '', message: 'three' },
      { code: 'LONG', message: 'x'.repeat(1000) },
    ]);
    assert.match(said, /^A: one {2}two ; three; LONG: x+$/);
    assert.equal(said.length, 300);
  });
});
