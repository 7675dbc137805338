import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planLayout } from '../../src/archive/layout.ts';
import { readHead } from '../../src/archive/readHead.ts';
import { type Digest, sha256Of } from '../../src/image/digest.ts';
import { OCI_MANIFEST } from '../../src/image/mediaTypes.ts';
import { GZIP_LAYER, sampleImage } from './support/samples.ts';

describe("an archive's head", () => {
  const image = sampleImage([{ mediaType: GZIP_LAYER, digest: sha256Of('a'), size: 1000 }]);
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
    changed[changed.indexOf(image.manifest.bytes) + 3] = 0x20;
    assert.equal(read(changed), undefined);
  });
});
