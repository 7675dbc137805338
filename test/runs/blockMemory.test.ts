import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BlockMemory } from '../../src/runs/blockMemory.ts';

/** Whether it has settled once everything that can go on has gone on. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await turn();
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
}

describe('block memory', () => {
  it('gives what is asked for while there is room, and then waits', async () => {
    const memory = new BlockMemory(100);
    const [a, b] = await Promise.all([memory.acquire(60), memory.acquire(40)]);
    assert.deepEqual([a.length, b.length], [60, 40]);
    const third = memory.acquire(1);
    assert.equal(await isPending(third), true);
    memory.release(b);
    assert.equal((await third).length, 1);
  });

  it('wakes those who wait in their order, the small behind the large', async () => {
    const memory = new BlockMemory(100);
    const first = await memory.acquire(90);
    const order: string[] = [];
    const large = memory.acquire(80).then((block) => (order.push('large'), block));
    // There would be room for it, but whoever came first would wait for ever.
    const small = memory.acquire(5).then((block) => (order.push('small'), block));
    assert.equal(await isPending(small), true);
    memory.release(first);
    await Promise.all([large, small]);
    assert.deepEqual(order, ['large', 'small']);
  });

  it('lets a block through that is larger than all memory, alone', async () => {
    const memory = new BlockMemory(100);
    const huge = await memory.acquire(1000);
    const next = memory.acquire(1);
    assert.equal(await isPending(next), true);
    memory.release(huge);
    const one = await next;
    const again = memory.acquire(1000);
    assert.equal(await isPending(again), true);
    memory.release(one);
    assert.equal((await again).length, 1000);
  });

  it('never gives more than its limit, and leaves nobody waiting', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 60 }), async (sizes) => {
        const memory = new BlockMemory(100);
        let used = 0;
        await Promise.all(
          sizes.map(async (size) => {
            const block = await memory.acquire(size);
            used += size;
            assert.ok(used <= 100, `${used} bytes`);
            await turn();
            used -= size;
            memory.release(block);
          }),
        );
        assert.equal(used, 0);
      }),
      { numRuns: 30 },
    );
  });
});
