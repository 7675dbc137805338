import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cutBlocks } from '../../src/archive/blocks.ts';
import { dealOut, divideIntoStretches, MAX_SHARES, type Stretch } from '../../src/archive/stretches.ts';
import { layerSizes, sizedLayout } from './support/samples.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

describe('stretches', () => {
  it('cover each block exactly once, cut no layer, and are no longer than a task but for one layer', () => {
    const limits = fc.record({
      blockBytes: fc.integer({ min: 512, max: 16 * MiB }),
      taskBytes: fc.integer({ min: 1, max: 512 * MiB }),
    });
    fc.assert(
      fc.property(layerSizes, limits, (sizes, { blockBytes, taskBytes }) => {
        const { layers } = cutBlocks(sizedLayout(sizes), blockBytes);
        const starts = layers.map(({ blocks }) => blocks[0]?.index);
        let at = starts[0];
        for (const { from, to } of divideIntoStretches(layers, taskBytes)) {
          assert.equal(from, at, 'a block is left out or copied twice');
          assert.ok(to > from && starts.includes(from), 'it begins within a layer');
          const own = layers.filter(({ blocks }) => {
            const index = blocks[0]?.index ?? -1;
            return index >= from && index < to;
          });
          const bytes = own.reduce((total, { layer }) => total + layer.end - layer.start, 0);
          assert.ok(own.length === 1 || bytes <= taskBytes, 'several layers are longer than a task');
          at = to;
        }
        assert.equal(at, layers.length === 0 ? undefined : (layers.at(-1)?.blocks.at(-1)?.index ?? 0) + 1);
      }),
      { numRuns: 30 },
    );
  });

  it('have the limits of the design unless told otherwise', () => {
    const { layers } = cutBlocks(sizedLayout([100 * MiB, 100 * MiB, 100 * MiB, 3 * GiB, 5 * MiB]));
    const blocks = divideIntoStretches(layers).map(({ from, to }) => to - from);
    // 100, 100 | 100 | 3 GiB and the header's 512 bytes | 5
    assert.deepEqual(blocks, [13 + 13, 13, 385, 1]);
  });

  it('of an image without layers are none', () => {
    assert.deepEqual(divideIntoStretches(cutBlocks(sizedLayout([])).layers), []);
    assert.deepEqual(dealOut([]), []);
  });
});

describe('dealing out', () => {
  const stretches = fc
    .array(fc.integer({ min: 1, max: 500 }), { maxLength: 200 })
    .map((lengths) => lengths.reduce<Stretch[]>((all, length) => [...all, after(all, length)], []));
  const after = (all: readonly Stretch[], length: number): Stretch => {
    const from = all.at(-1)?.to ?? 2;
    return { from, to: from + length };
  };
  const length = (all: readonly Stretch[]): number =>
    all.reduce((total, { from, to }) => total + to - from, 0);

  it('gives each stretch to one of at most four shares, of which none is empty or much longer than the others', () => {
    fc.assert(
      fc.property(stretches, (all) => {
        const shares = dealOut(all);
        assert.equal(shares.length, Math.min(MAX_SHARES, all.length));
        assert.deepEqual(
          shares.flat().sort((a, b) => a.from - b.from),
          all,
        );
        const longest = Math.max(0, ...all.map(({ from, to }) => to - from));
        const lengths = shares.map(length);
        assert.ok(Math.max(0, ...lengths) - Math.min(Infinity, ...lengths) <= longest || all.length === 0);
        assert.deepEqual(dealOut(all), shares, 'a replay must give the same');
      }),
    );
  });
});
