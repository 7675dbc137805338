import assert from 'node:assert/strict';
import { it } from 'node:test';
import { formatBytes, formatDuration, formatTable } from '../../src/cli/format.ts';

it('bytes are given with a unit, and a digit after the point while they are few', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 100 * 1024, 5 * 1024 ** 3, 2000 * 1024 ** 4].map(formatBytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '100 KiB',
    '5.0 GiB',
    '2000 TiB',
  ]);
});

it('a time is given in its two largest units', () => {
  assert.deepEqual([0, 0.4, 59.6, 80, 3600, 3605, 7500, 90_000, -5].map(formatDuration), [
    ...['0 s', '0 s', '1 min', '1 min 20 s', '1 h', '1 h', '2 h 5 min', '1 d 1 h', '0 s'],
  ]);
});

it('a table has columns as wide as their widest cell', () => {
  assert.equal(
    formatTable(
      ['A', 'LONG'],
      [
        ['xyz', '1'],
        ['', '22'],
      ],
    ),
    'A    LONG\nxyz  1\n     22',
  );
  assert.equal(formatTable(['A'], []), 'A');
  assert.equal(formatTable(['A', 'B'], [['鏡\n', 'x']]), 'A    B\n鏡?  x');
});
