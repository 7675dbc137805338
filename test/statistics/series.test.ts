import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { intervalHours, series } from '../../src/statistics/series.ts';

describe('a series of statistics', () => {
  const hours = new Map([
    ['2026-11-25T13:00:00Z', { hits: 2, bytes: 20 }],
    ['2026-11-24T23:00:00Z', { misses: 1 }],
    ['2026-11-25T01:00:00Z', { hits: 1, bytes: 10, images: 1 }],
  ]);

  it('has counts added up and the last size of each interval, oldest first', () => {
    assert.deepEqual(series(hours, 24), [
      { time: '2026-11-24T00:00:00Z', misses: 1 },
      { time: '2026-11-25T00:00:00Z', hits: 3, bytes: 20, images: 1 },
    ]);
    assert.deepEqual(
      series(hours, 6).map(({ time }) => time),
      ['2026-11-24T18:00:00Z', '2026-11-25T00:00:00Z', '2026-11-25T12:00:00Z'],
    );
  });

  it('is finer the shorter it is', () => {
    assert.deepEqual([1, 2, 3, 14, 15, 90].map(intervalHours), [1, 1, 6, 6, 24, 24]);
  });
});
