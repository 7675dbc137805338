import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planLayout } from '../../src/archive/layout.ts';
import { readHead } from '../../src/archive/readHead.ts';
import { type Digest, sha256Of } from '../../src/image/digest.ts';
import { OCI_MANIFEST } from '../../src/image/mediaTypes.ts';
import { GZIP_LAYER, sampleImage, sha512Of } from './support/samples.ts';

const LAYERS = [{ mediaType: GZIP_LAYER, digest: sha256Of('a layer'), size: 1000 }];

for (const [algorithm, digestOf] of [
  ['sha256', sha256Of],
  // Its path is longer than a tar header's name: a pax record has it.
  ['sha512', sha512Of],
] as const) {
  describe(`the head of an archive whose documents are known by ${algorithm}`, () => {
    const image = sampleImage(LAYERS, digestOf);
    const { head } = planLayout(image);
    const read = (bytes: Uint8Array, manifest: Digest = image.manifest.digest) =>
      readHead(bytes, manifest, image.config.digest);

    it('gives back the documents that it was made from', () => {
      const found = read(head);
      assert.deepEqual(found?.manifest, { ...image.manifest, mediaType: OCI_MANIFEST });
      assert.deepEqual(found.config, image.config.bytes);
    });

    it('gives nothing where it is cut short, changed or not an archive', () => {
      for (let length = 0; length < head.length; length += 100)
        assert.equal(read(head.subarray(0, length)), undefined);
      assert.equal(read(head, digestOf('another')), undefined);
      assert.equal(read(Buffer.alloc(10_000, 'x')), undefined);
      const changed = Buffer.from(head);
      changed[changed.indexOf('{ "schemaVersion": 2') + 3] = 0x20;
      assert.equal(read(changed), undefined);
    });
  });
}
