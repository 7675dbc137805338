import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cutBlocks, type LayerBlocks } from '../../src/archive/blocks.ts';
import { type CopyLimits, divideIntoLanes } from '../../src/archive/lanes.ts';
import { layerSizes, sizedLayout } from './support/samples.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

describe('lanes', () => {
  it('covers each block exactly once, in lanes that share no layer, in segments within the limits', () => {
    const limits = fc.record({
      blockBytes: fc.integer({ min: 512, max: 16 * MiB }),
      taskBytes: fc.integer({ min: 1, max: 512 * MiB }),
      segmentBytes: fc.integer({ min: 1, max: 2 * GiB }),
    });
    fc.assert(
      fc.property(layerSizes, limits, (sizes, { blockBytes, ...given }) => {
        assertPlanned(cutBlocks(sizedLayout(sizes), blockBytes).layers, given);
      }),
      { numRuns: 30 },
    );
  });

  it('has the limits of the design unless told otherwise', () => {
    const { layers } = cutBlocks(sizedLayout([100 * MiB, 100 * MiB, 100 * MiB, 3 * GiB, 5 * MiB]));
    const bytes = divideIntoLanes(layers).map((lane) => lane.map(({ from, to }) => to - from));
    // 100, 100 | 100 | 1 GiB, 1 GiB, 1 GiB and the header's 512 bytes | 5
    assert.deepEqual(bytes, [[13 + 13], [13], [128, 128, 128, 1], [1]]);
    assertPlanned(layers, { taskBytes: 256 * MiB, segmentBytes: GiB });
  });

  it('of an image without layers has nothing to copy', () => {
    assert.deepEqual(divideIntoLanes(cutBlocks(sizedLayout([])).layers), []);
  });

  it('of a 190 GiB layer keeps every activity at a gigabyte', () => {
    const { layers } = cutBlocks(sizedLayout([190 * GiB]));
    assertPlanned(layers, { taskBytes: 256 * MiB, segmentBytes: GiB });
    assert.equal(divideIntoLanes(layers).flat().length, 191);
  });
});

function assertPlanned(layers: readonly LayerBlocks[], limits: CopyLimits): void {
  const lanes = divideIntoLanes(layers, limits);
  const blocks = layers.flatMap((layer) => layer.blocks);
  const first = blocks[0]?.index ?? 0;
  const bytesOf = (from: number, to: number): number =>
    (blocks[to - first - 1]?.end ?? 0) - (blocks[from - first]?.start ?? 0);

  const segments = lanes.flat();
  let at = first;
  for (const { from, to } of segments) {
    assert.equal(from, at, 'a block is left out or copied twice');
    assert.ok(to > from);
    at = to;
  }
  assert.equal(at, first + blocks.length);

  for (const { blocks: own } of layers) {
    const [from, to] = [own[0]?.index ?? 0, (own.at(-1)?.index ?? 0) + 1];
    const touching = lanes.filter((lane) => lane.some((segment) => segment.from < to && from < segment.to));
    assert.equal(touching.length, 1, 'a layer is in two lanes');
    // The running digest passes on inside one lane, which then is that layer's alone.
    const lane = touching[0] ?? [];
    if (lane.length > 1) assert.deepEqual([lane[0]?.from, lane.at(-1)?.to], [from, to]);
  }
  for (const lane of lanes) {
    const [{ from, to } = { from: 0, to: 0 }] = lane;
    const oneBlock = Math.max(...blocks.slice(from - first, to - first).map(({ start, end }) => end - start));
    const isShared = layers.filter(({ blocks: own }) => inside(own[0]?.index, from, to)).length > 1;
    if (isShared) assert.ok(bytesOf(from, to) <= limits.taskBytes, 'a shared task is too long');
    else
      for (const segment of lane) {
        const most = Math.max(limits.segmentBytes, limits.taskBytes, oneBlock);
        assert.ok(bytesOf(segment.from, segment.to) <= most, 'a segment is too long');
      }
  }
}

function inside(index: number | undefined, from: number, to: number): boolean {
  return index !== undefined && index >= from && index < to;
}
