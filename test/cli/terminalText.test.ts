import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { displayWidth, fitted, printable, printableJson } from '../../src/cli/terminalText.ts';
import { anyText } from '../support/anyText.ts';

describe('text for a terminal', () => {
  it('has no control, format or separator character left, and one in its place for each', () => {
    assert.equal(printable('a\x1b[31mb\x07\x9b\u2028\u202e\ud800\n'), 'a?[31mb??????');
    assert.equal(printable('Größe 鏡像 ✓'), 'Größe 鏡像 ✓');
  });

  it('is as wide as it looks', () => {
    assert.deepEqual(['abc', '鏡像', 'e\u0301', 'ｆ', '🚀', '█…'].map(displayWidth), [3, 4, 1, 2, 2, 2]);
  });

  it('is cut where it does not fit, between characters', () => {
    assert.equal(fitted('abcdef', 6), 'abcdef');
    assert.equal(fitted('abcdef', 4), 'abc…');
    assert.equal(fitted('鏡像鏡', 4), '鏡…');
    assert.equal(fitted('abc', 0), '');
    fc.assert(
      fc.property(anyText(), fc.nat(40), (text, columns) => {
        assert.ok(displayWidth(fitted(printable(text), columns)) <= columns);
      }),
    );
  });
});

describe('JSON for a terminal', () => {
  it('is the same value without a control character', () => {
    fc.assert(
      fc.property(fc.jsonValue(), anyText(), (value, text) => {
        const json = printableJson({ value, text });
        assert.doesNotMatch(json, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify({ value, text })));
      }),
    );
  });
});
