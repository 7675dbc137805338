import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canAllFinish, type Claim, mayTake } from '../../src/runs/blockShares.ts';

const LIMIT = 96;

interface State {
  owner: string;
  chain: object;
  size: number;
  held: number;
  slow: boolean;
}

function claim(owner: string, held: number, more: Partial<Claim> = {}): State {
  return { owner, chain: {}, size: 8, held, slow: false, ...more };
}

/** Blocks of several runs and layers, and the order in which their bytes arrive. */
const crowds = fc.record({
  blocks: fc.array(
    fc.record({
      owner: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      layer: fc.nat(3),
      slow: fc.boolean(),
      size: fc.integer({ min: 1, max: 8 }),
    }),
    { minLength: 1, maxLength: 80 },
  ),
  arrivals: fc.array(fc.nat(1000), { maxLength: 600 }),
});

describe('the shares of block memory', () => {
  it('never pass the limit, and come to an end in whatever order bytes arrive', () => {
    fc.assert(
      fc.property(crowds, ({ blocks, arrivals }) => {
        const chains = new Map<string, object>();
        const open = blocks.map(({ owner, layer, slow, size }) => {
          const key = `${owner} ${layer}`;
          if (!chains.has(key)) chains.set(key, {});
          return claim(owner, 0, { chain: chains.get(key) ?? {}, slow, size });
        });
        const finish = (): void => {
          for (let index = 0; index < open.length;) {
            const one = open[index] ?? assert.fail();
            const isFirst = open.findIndex(({ chain }) => chain === one.chain) === index;
            if (isFirst && one.held === one.size) open.splice(index, 1);
            else index += 1;
          }
        };
        const take = (one: State): boolean => {
          if (one.held === one.size || !mayTake(one, 1, open, LIMIT / 3)) return false;
          one.held += 1;
          assert.ok(open.reduce((total, { held }) => total + held, 0) <= LIMIT / 3);
          finish();
          return true;
        };
        for (const arrival of arrivals) {
          const one = open[arrival % open.length];
          if (one === undefined) return;
          take(one);
        }
        // Then everybody has bytes to put somewhere, and somebody can always go on.
        while (open.length > 0) assert.ok(open.some(take), JSON.stringify(open));
      }),
      { numRuns: 200 },
    );
  });

  it('leave room for a fast newcomer, however many slow blocks there are and of however few runs', () => {
    for (const runs of [1, 3, 100]) {
      const slow = Array.from({ length: 200 }, (_, index) => claim(`slow${index % runs}`, 0, { slow: true }));
      for (let more = true; more;)
        more = slow
          .map((one) => one.held < one.size && mayTake(one, 1, slow, LIMIT) && (one.held += 1))
          .some(Boolean);
      const newcomer = claim('new', 0);
      const all = [...slow, newcomer];
      while (newcomer.held < newcomer.size) {
        assert.ok(mayTake(newcomer, 1, all, LIMIT), `beside ${runs} it waits with ${newcomer.held}`);
        newcomer.held += 1;
      }
    }
  });

  it('let one run alone have three quarters, two as much as each other, and the next one its first block', () => {
    const fill = (all: State[]): Map<string, number> => {
      for (let more = true; more;)
        more = all.map((one) => one.held < 8 && mayTake(one, 1, all, LIMIT) && (one.held += 1)).some(Boolean);
      const sums = new Map<string, number>();
      for (const { owner, held } of all) sums.set(owner, (sums.get(owner) ?? 0) + held);
      return sums;
    };
    const of = (owner: string): State[] => Array.from({ length: 20 }, () => claim(owner, 0));
    // And what the one needs that is nearest to its end.
    const alone = fill(of('a')).get('a') ?? 0;
    assert.ok(alone >= 72 && alone <= 80, `${alone}`);
    const both = fill([...of('a'), ...of('b')]);
    assert.ok(Math.abs((both.get('a') ?? 0) - (both.get('b') ?? 0)) <= 8, JSON.stringify([...both]));
    const held = Array.from({ length: 9 }, () => claim('a', 8));
    const all = [...held, claim('b', 0)];
    assert.ok((fill(all).get('b') ?? 0) === 8);
  });

  it('count a filled block that waits for its turn as one that cannot give back yet', () => {
    const chain = {};
    const first = claim('a', 2, { chain });
    const second = claim('a', 8, { chain });
    assert.equal(canAllFinish([first, second], 6), true);
    assert.equal(canAllFinish([first, second], 5), false);
    // Of a chain of its own it would be finished first.
    assert.equal(canAllFinish([first, claim('a', 8)], 5), true);
  });
});
