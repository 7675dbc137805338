import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isObject, parseJsonObject } from '../../src/image/json.ts';

describe('isObject', () => {
  for (const value of [{}, { a: 1 }, Object.create(null)])
    it(`is true of ${JSON.stringify(value)}`, () => assert.ok(isObject(value)));
  for (const value of [null, undefined, [], [{}], 'text', 1, true])
    it(`is false of ${JSON.stringify(value)}`, () => assert.ok(!isObject(value)));
});

describe('parseJsonObject', () => {
  it('reads one object', () => assert.deepEqual(parseJsonObject(' {"a": [1]} '), { a: [1] }));
  for (const text of ['', 'null', '[]', '"{}"', '7', '{', '{} {}', '<html>'])
    it(`reads nothing of ${JSON.stringify(text)}`, () => assert.equal(parseJsonObject(text), undefined));
});
