import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TransferRate } from '../../../src/cli/progress/transferRate.ts';

function measured(...samples: readonly (readonly [ms: number, bytes: number])[]): TransferRate {
  const rate = new TransferRate();
  for (const [time, bytes] of samples) rate.add(time, bytes);
  return rate;
}

describe('transfer rate', () => {
  it('is not known from one measurement, nor within a second', () => {
    assert.equal(measured().bytesPerSecond, undefined);
    assert.equal(measured([0, 5]).bytesPerSecond, undefined);
    assert.equal(measured([0, 5], [900, 500]).bytesPerSecond, undefined);
    assert.equal(measured([0, 5], [900, 500]).secondsLeft(1000), undefined);
  });

  it('is the average of the last fifteen seconds', () => {
    assert.equal(measured([0, 0], [1000, 100], [2000, 300]).bytesPerSecond, 150);
    const samples = Array.from(
      { length: 61 },
      (_, second) => [second * 1000, second < 30 ? 0 : (second - 30) * 10] as const,
    );
    assert.equal(measured(...samples).bytesPerSecond, 10);
  });

  it('does not leap with blocks that arrive whole', () => {
    const rate = new TransferRate();
    for (let second = 0; second <= 100; second++) {
      rate.add(second * 1000, Math.floor(second / 5) * 500);
      if (second > 15) assert.ok(Math.abs((rate.bytesPerSecond ?? 0) - 100) <= 34, `${rate.bytesPerSecond}`);
    }
  });

  it('is not nothing between two blocks, and is nothing after fifteen seconds', () => {
    const rate = new TransferRate();
    for (let time = 0; time < 15_000; time += 2000) rate.add(time, 0);
    assert.equal(rate.bytesPerSecond, undefined);
    rate.add(15_000, 0);
    assert.equal(rate.bytesPerSecond, 0);
  });

  it('measures from the last sample before the window where measurements are rare', () => {
    assert.equal(measured([0, 0], [60_000, 6000]).bytesPerSecond, 100);
  });

  it('begins anew where there are fewer bytes than before', () => {
    const rate = measured([0, 0], [1000, 1000], [2000, 10]);
    assert.equal(rate.bytesPerSecond, undefined);
    rate.add(4000, 30);
    assert.equal(rate.bytesPerSecond, 10);
  });

  it('tells how long the rest takes, and never less than nothing', () => {
    const rate = measured([0, 0], [2000, 200]);
    assert.equal(rate.secondsLeft(1000), 8);
    assert.equal(rate.secondsLeft(100), 0);
    assert.equal(measured([0, 7], [5000, 7]).secondsLeft(1000), undefined);
  });
});
