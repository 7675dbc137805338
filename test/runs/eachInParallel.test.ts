import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { eachInParallel } from '../../src/runs/eachInParallel.ts';

describe('each in parallel', () => {
  it('works on every item, started in order, and on no more at a time than it may', async () => {
    let running = 0;
    let most = 0;
    const started: number[] = [];
    await eachInParallel([5, 1, 4, 2, 3, 0], 3, async (item) => {
      started.push(item);
      most = Math.max(most, ++running);
      await sleep(item);
      running -= 1;
    });
    assert.deepEqual(started, [5, 1, 4, 2, 3, 0]);
    assert.equal(most, 3);
    await eachInParallel([], 3, () => assert.fail('there is nothing to work on'));
  });

  it('starts nothing after a failure, waits for what is running, and throws the first', async () => {
    const ended: string[] = [];
    const work = async (item: string): Promise<void> => {
      if (item === 'fails') throw new Error('first');
      await sleep(10);
      ended.push(item);
      if (item === 'slow') throw new Error('second');
    };
    await assert.rejects(eachInParallel(['slow', 'fails', 'never', 'started'], 2, work), /first/);
    assert.deepEqual(ended, ['slow']);
  });
});
