import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ArchiveImage } from '../../src/archive/indexFiles.ts';
import { planLayout } from '../../src/archive/layout.ts';
import { heldLayers, rangesWithout } from '../../src/archive/ranges.ts';
import { readHead } from '../../src/archive/readHead.ts';
import { type Digest, sha256Of } from '../../src/image/digest.ts';
import { OCI_MANIFEST } from '../../src/image/mediaTypes.ts';

const layer = (name: string, size: number) => ({ mediaType: 'layer', digest: sha256Of(name), size });

function imageOf(...layers: readonly ReturnType<typeof layer>[]): ArchiveImage {
  const [manifest, config] = ['{"manifest":1}', '{"config":1}'];
  return {
    name: { registry: 'docker.io', repository: 'team/tool' },
    platform: { os: 'linux', architecture: 'amd64' },
    manifest: { digest: sha256Of(manifest), mediaType: OCI_MANIFEST, bytes: Buffer.from(manifest) },
    config: { digest: sha256Of(config), bytes: Buffer.from(config) },
    layers,
  };
}

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
  const leaveOut = (image: ArchiveImage, count: number) =>
    rangesWithout(
      planLayout(image),
      image.layers.map(({ digest }) => digest),
      count,
    );

  it('are one range, the whole archive, where nothing is left out', () => {
    const image = imageOf(a, b, c);
    assert.deepEqual(leaveOut(image, 0), [{ start: 0, end: planLayout(image).size - 1 }]);
  });

  it('are the archive of the remaining layers byte by byte, for every number of them', () => {
    const image = imageOf(a, b, c);
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
    const ranges = leaveOut(imageOf(a, b, a), 2);
    const [extent] = planLayout(imageOf(a, b, a)).layers;
    assert.ok(
      extent !== undefined && ranges.some(({ start, end }) => start <= extent.start && end >= extent.end - 1),
    );
  });
});

describe("an archive's head", () => {
  const image = imageOf(layer('a', 1000));
  const { head } = planLayout(image);
  const read = (bytes: Uint8Array, manifest: Digest = image.manifest.digest) =>
    readHead(bytes, manifest, image.config.digest);

  it('gives back the documents that it was made from', () => {
    const found = read(head);
    assert.deepEqual(Buffer.from(found?.manifest ?? []), Buffer.from(image.manifest.bytes));
    assert.deepEqual(Buffer.from(found?.config ?? []), Buffer.from(image.config.bytes));
    assert.equal(found?.mediaType, OCI_MANIFEST);
  });

  it('gives nothing where it is cut short, changed or not an archive', () => {
    for (let length = 0; length < head.length; length += 100)
      assert.equal(read(head.subarray(0, length)), undefined);
    assert.equal(read(head, sha256Of('another')), undefined);
    assert.equal(read(Buffer.alloc(10_000, 'x')), undefined);
    const changed = Buffer.from(head);
    changed[changed.indexOf('{"manifest":1}') + 3] = 0x20;
    assert.equal(read(changed), undefined);
  });
});
