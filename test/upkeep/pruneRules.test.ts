import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pruneAfter, reasonToPrune } from '../../src/upkeep/pruneRules.ts';

describe('when an image is pruned', () => {
  it('is so many days after it was used last', () => {
    assert.equal(pruneAfter('2026-06-01T10:00:00Z', 30), '2026-07-01T10:00:00Z');
    assert.equal(pruneAfter('2026-06-01T10:00:00Z', 0.5), '2026-06-01T22:00:00Z');
  });

  it('is told with the setting, and only once it is due', () => {
    const used = '2026-06-01T10:00:00Z';
    assert.equal(reasonToPrune(used, 30, new Date('2026-07-01T10:00:00.999Z')), undefined);
    assert.match(
      reasonToPrune(used, 30, new Date('2026-07-01T10:00:01Z')) ?? '',
      /2026-06-01T10:00:00Z.*30 days of PRUNE_AFTER_DAYS/,
    );
  });
});
