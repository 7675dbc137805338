import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchesDigest, parseDigest, sha256Of } from '../../src/image/digest.ts';
import { anyText } from '../support/anyText.ts';

describe('digests', () => {
  it('are read, or refused in few and printable words', () => {
    fc.assert(
      fc.property(anyText(), (text) => {
        assert.throws(() => parseDigest(text), {
          code: 'invalid_reference',
          message: /^[\x20-\x7e]{1,400}$/,
        });
      }),
    );
  });
  it('match their bytes and no others', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (one, other) => {
        assert.ok(matchesDigest(one, sha256Of(one)));
        assert.equal(matchesDigest(one, sha256Of(other)), Buffer.compare(one, other) === 0);
      }),
    );
  });
});
