import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseRetryAfter } from '../../../src/registry/exchange/retryAfter.ts';

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  for (const [header, milliseconds] of [
    ['45', 45_000],
    [' 0 ', 0],
    ['0.5', 500],
    ['Sun, 22 Nov 2026 10:00:45 GMT', 45_000],
    ['Sunday, 22-Nov-26 10:01:00 GMT', 60_000],
    ['Sun, 22 Nov 2026 09:00:00 GMT', 0], // a clock that is behind
    [String(now / 1000 + 90), 90_000], // Docker Hub's Unix time
    ['99999999', 7 * 24 * 3600_000],
    ['soon', undefined],
    ['2026-11-22', undefined],
    ['-5', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    it(`reads ${String(header)}`, () => assert.equal(parseRetryAfter(header, now), milliseconds));
  }
  it('reads anything as a bounded wait or none', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const wait = parseRetryAfter(header, now);
        assert.ok(wait === undefined || (wait >= 0 && wait <= 7 * 24 * 3600_000));
      }),
    );
  });
});
