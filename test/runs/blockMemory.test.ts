import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BlockMemory, type OpenBlock } from '../../src/runs/blockMemory.ts';

/** Whether it has settled once everything that can go on has gone on. */
async function isPending(promise: Promise<unknown> | undefined): Promise<boolean> {
  const pending = Symbol('pending');
  await turn();
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
}

async function append(block: OpenBlock, bytes: Uint8Array): Promise<void> {
  await block.reserve(bytes.length);
  block.append(bytes);
}

describe('block memory', () => {
  it('is taken as bytes arrive and not before, and is given back', async () => {
    const memory = new BlockMemory(1000, 10);
    const block = memory.open('a', {}, 35);
    assert.equal(memory.used, 0);
    await append(block, Buffer.from('seven..'));
    assert.equal(memory.used, 10);
    await append(block, Buffer.from('and as many as thirty-five'.slice(0, 26)));
    assert.equal(memory.used, 35);
    assert.equal(block.isFull, false);
    await append(block, Buffer.from('!!'));
    assert.equal(block.isFull, true);
    assert.throws(() => block.reserve(1), RangeError);
    assert.equal(
      Buffer.concat(block.bytes()).toString(),
      'seven..and as many as thirty-five'.slice(0, 33) + '!!',
    );
    assert.equal(Buffer.concat(block.bytes(5, 14)).toString(), '..and as ');
    assert.deepEqual(block.bytes(35, 99), []);
    block.close();
    block.close();
    assert.equal(memory.used, 0);
  });

  it('makes who wants more than there is wait until somebody has finished', async () => {
    const memory = new BlockMemory(100, 10);
    const [first, second] = [memory.open('a', {}, 80), memory.open('b', {}, 80)];
    await append(first, Buffer.alloc(80));
    await append(second, Buffer.alloc(20));
    const more = second.reserve(10);
    assert.equal(await isPending(more), true);
    first.close();
    await more;
    second.append(Buffer.alloc(10));
    assert.equal(memory.used, 30);
  });

  it('stops waiting when it is told to, with the reason', async () => {
    const memory = new BlockMemory(100, 10);
    const [first, second] = [memory.open('a', {}, 100), memory.open('b', {}, 80)];
    await append(first, Buffer.alloc(100));
    const stop = new AbortController();
    const more = second.reserve(10, stop.signal) ?? assert.fail('there is room');
    stop.abort(new Error('enough'));
    await assert.rejects(more, /enough/);
    await assert.rejects(second.reserve(10, stop.signal) ?? Promise.resolve(), /enough/);
    second.close();
    first.close();
    assert.equal(memory.used, 0);
  });

  it('lets a block through that is larger than all memory, alone', async () => {
    const memory = new BlockMemory(100, 10);
    const huge = memory.open('a', {}, 1000);
    await append(huge, Buffer.alloc(1000));
    const next = memory.open('b', {}, 10);
    const one = next.reserve(10);
    assert.equal(await isPending(one), true);
    huge.close();
    await one;
  });

  it('takes those that come slowly for slow, the waiting for memory left out', async () => {
    let now = 0;
    const MiB = 1024 ** 2;
    const memory = new BlockMemory(8 * MiB, MiB, () => now);
    const [fast, slow, other] = [1, 2, 3].map((id) => memory.open(String(id), {}, 4 * MiB)) as [
      OpenBlock,
      OpenBlock,
      OpenBlock,
    ];
    const piece = Buffer.alloc(MiB);
    for (const [block, ms] of [
      [fast, 500],
      [slow, 2000],
    ] as const) {
      await append(block, piece);
      assert.equal(block.slow, false, 'nothing is known yet');
      now += ms;
      await append(block, piece);
    }
    assert.deepEqual([fast.slow, slow.slow], [false, true]);
    await append(fast, piece);
    await append(fast, piece);
    await append(other, piece);
    now += 500;
    const waiting = other.reserve(2 * MiB) ?? assert.fail('there is room');
    now += 100_000;
    fast.close();
    await waiting;
    assert.equal(other.slow, false);
  });

  it('never holds more than its limit, whoever comes and goes, and leaves nobody waiting', async () => {
    const crowds = fc.array(
      fc.record({
        owner: fc.nat(4),
        layer: fc.nat(2),
        size: fc.integer({ min: 1, max: 60 }),
        step: fc.integer({ min: 1, max: 20 }),
      }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(crowds, async (blocks) => {
        const memory = new BlockMemory(100, 7);
        const chains = new Map<string, object>();
        const turns = new Map<object, Promise<void>>();
        await Promise.all(
          blocks.map(async ({ owner, layer, size, step }) => {
            const key = `${owner} ${layer}`;
            const chain = chains.get(key) ?? {};
            chains.set(key, chain);
            const before = turns.get(chain);
            const { promise, resolve: pass } = Promise.withResolvers<undefined>();
            turns.set(chain, promise as Promise<unknown> as Promise<void>);
            const block = memory.open(`run${owner}`, chain, size);
            for (let left = size; left > 0; left -= step) {
              await append(block, Buffer.alloc(Math.min(step, left)));
              assert.ok(memory.used <= 100, `${memory.used} bytes`);
              await turn();
            }
            await before;
            block.close();
            pass(undefined);
          }),
        );
        assert.equal(memory.used, 0);
      }),
      { numRuns: 30 },
    );
  });
});
