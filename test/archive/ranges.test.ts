import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planLayout } from '../../src/archive/layout.ts';
import { heldLayers, rangesWithout } from '../../src/archive/ranges.ts';
import { sha256Of } from '../../src/image/digest.ts';
import type { Image } from '../../src/image/image.ts';
import { sampleImage } from './support/samples.ts';

const layer = (name: string, size: number) => ({ mediaType: 'layer', digest: sha256Of(name), size });

describe('held layers', () => {
  it('counts the longest run from the bottom that one image has', () => {
    assert.equal(heldLayers(['a', 'b', 'c'], []), 0);
    assert.equal(heldLayers(['a', 'b', 'c'], [['a'], ['a', 'b', 'x'], ['b', 'c']]), 2);
    assert.equal(heldLayers(['a', 'b'], [['a', 'b', 'c']]), 2);
    assert.equal(heldLayers([], [['a']]), 0);
  });

  it('does not put the runs of two images together', () => {
    assert.equal(heldLayers(['a', 'b', 'c'], [['a'], ['x', 'b', 'c']]), 1);
  });
});

describe('ranges without layers', () => {
  const [a, b, c] = [layer('a', 1000), layer('b', 512), layer('c', 0)];
  const leaveOut = (image: Image, count: number) =>
    rangesWithout(
      planLayout(image),
      image.layers.map(({ digest }) => digest),
      count,
    );

  it('are one range, the whole archive, where nothing is left out', () => {
    const image = sampleImage([a, b, c]);
    assert.deepEqual(leaveOut(image, 0), [{ start: 0, end: planLayout(image).size - 1 }]);
  });

  it('are the archive of the remaining layers byte by byte, for every number of them', () => {
    const image = sampleImage([a, b, c]);
    const layout = planLayout(image);
    const bytes = Buffer.concat([
      layout.head,
      ...layout.layers.map(({ header, end, start, descriptor }) =>
        Buffer.concat([header, Buffer.alloc(end - start - header.length, descriptor.digest)]),
      ),
      Buffer.alloc(1024),
    ]);
    for (let count = 0; count <= 3; count++) {
      const parts = leaveOut(image, count).map(({ start, end }) => bytes.subarray(start, end + 1));
      const expected = [
        layout.head,
        ...layout.layers.slice(count).map(({ start, end }) => bytes.subarray(start, end)),
        bytes.subarray(-1024),
      ];
      assert.ok(Buffer.concat(parts).equals(Buffer.concat(expected)), `${count} left out`);
    }
  });

  it('keep a layer that is held but needed again further up', () => {
    const ranges = leaveOut(sampleImage([a, b, a]), 2);
    const [extent] = planLayout(sampleImage([a, b, a])).layers;
    assert.ok(
      extent !== undefined && ranges.some(({ start, end }) => start <= extent.start && end >= extent.end - 1),
    );
  });
});
