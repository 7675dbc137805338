import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_VALUES, member, readObject } from '../../src/image/goJson.ts';

const read = (text: string) => readObject(Buffer.from(text, 'latin1'), 'x');

describe('a document', () => {
  for (const [text, value] of [
    ['{"a":1}', 1],
    ['{"A":1}', 1],
    ['{"a":1,"A":2}', 2],
    ['{"a":1,"a":2}', 2],
    ['{"a":null}', undefined],
    ['{"a":-0}', -0],
    ['{"a":"1.5 \\" {[,"}', '1.5 " {[,'],
    ['{"a":"\xe9"}', '\ufffd'],
    // Numbers that are no integers to Go.
    ['{"a":1.0}', {}],
    ['{"a":-1e3}', {}],
    ['{"a":12E+05}', {}],
  ] as const) {
    it(`of ${JSON.stringify(text)} has ${value === undefined ? 'nothing' : JSON.stringify(value)}`, () =>
      assert.deepEqual(member(read(text), 'a'), value));
  }
  it('has members whose names Go folds', () => {
    assert.equal(member(readObject(Buffer.from('{"LAYER\u017f":1}'), 'x'), 'layers'), 1);
  });
  for (const text of [
    '',
    '[]',
    'null',
    '{"a":01.5}',
    '{"a":1.}',
    '{"a":--1}',
    '{"a":1}x',
    '{"a":1}\0',
    '\xef\xbb\xbf{}',
  ])
    it(`is not ${JSON.stringify(text)}`, () =>
      assert.throws(() => read(text), { code: 'unsupported_image' }));
  it('has a bounded number of members, counted outside of its texts', () => {
    const items = (count: number): string => `{"a":[${'0,'.repeat(count - 2)}0]}`;
    assert.ok(read(items(MAX_VALUES)));
    assert.throws(() => read(items(MAX_VALUES + 1)), /more than 250000 members/);
    assert.ok(read(`{"a":"${'{,['.repeat(MAX_VALUES)}"}`));
  });
  it('is not nested deeper than Go reads it', () =>
    assert.throws(
      () => read(`${'{"a":'.repeat(10_001)}1${'}'.repeat(10_001)}`),
      /nested more than 10000 deep/,
    ));
});
