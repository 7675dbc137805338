import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cutBlocks, MAX_BLOCKS } from '../../src/archive/blocks.ts';
import type { Layout } from '../../src/archive/layout.ts';
import { layerSizes, sizedLayout } from './support/samples.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

/** Where one thing ends and the next begins. */
function boundaries({ head, layers, size }: Layout): number[] {
  return [0, head.length, ...layers.map(({ end }) => end), size];
}

function assertTiled(layout: Layout, blockBytes?: number): void {
  const { head, layers, end } = cutBlocks(layout, blockBytes);
  const blocks = [...head, ...layers.flatMap((layer) => layer.blocks), ...end];
  assert.ok(blocks.length <= MAX_BLOCKS, `${blocks.length} blocks`);
  const edges = boundaries(layout);
  let at = 0;
  let next = 1;
  blocks.forEach((block, index) => {
    assert.equal(block.index, index);
    assert.equal(block.start, at, 'a gap or an overlap');
    assert.ok(block.end > block.start, 'an empty block');
    while ((edges[next] ?? Infinity) <= block.start) next += 1;
    assert.ok(block.end <= (edges[next] ?? 0), `block ${index} crosses ${edges[next] ?? 0}`);
    at = block.end;
  });
  assert.equal(at, layout.size);
  assert.deepEqual(
    layers.map(({ layer }) => layer),
    layout.layers,
  );
}

describe('blocks', () => {
  it('tile any archive exactly, never cross a boundary, and stay under 50,000', () => {
    fc.assert(
      fc.property(
        layerSizes,
        fc.option(fc.integer({ min: 512, max: 64 * MiB }), { nil: undefined }),
        (sizes, blockBytes) => assertTiled(sizedLayout(sizes), blockBytes),
      ),
      { numRuns: 30 },
    );
  });

  it('are 8 MiB where that is enough', () => {
    const blocks = cutBlocks(sizedLayout([100 * MiB])).layers[0]?.blocks ?? [];
    assert.equal((blocks[0]?.end ?? 0) - (blocks[0]?.start ?? 0), 8 * MiB);
    assert.equal(blocks.length, 13);
  });

  it('of a 190 GiB image stay under 50,000, whether it is one layer or 120', () => {
    for (const sizes of [[190 * GiB], Array.from({ length: 120 }, () => (190 * GiB) / 120)]) {
      const layout = sizedLayout(sizes);
      assert.ok(layout.size > 190 * GiB);
      assertTiled(layout);
    }
  });

  it('grow just when 50,000 would not do', () => {
    const largest = (blocks: number): number => {
      const [layer] = cutBlocks(sizedLayout([blocks * 8 * MiB - 512])).layers;
      return (layer?.blocks[0]?.end ?? 0) - (layer?.blocks[0]?.start ?? 0);
    };
    // Head and end marker take a block each.
    assert.equal(largest(MAX_BLOCKS - 2), 8 * MiB);
    assert.equal(largest(MAX_BLOCKS - 1), 16 * MiB);
  });
});
