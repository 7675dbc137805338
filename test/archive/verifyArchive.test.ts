import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { verifyArchive } from '../../src/archive/verifyArchive.ts';
import { sha256Of } from '../../src/image/digest.ts';
import { assemble, sha512Of, wholeSample } from './support/samples.ts';

const LAYERS = [Buffer.alloc(3000, 'a'), Buffer.alloc(700, 'b')];
const SAMPLE = wholeSample(LAYERS);
const ARCHIVE = assemble(SAMPLE);

const verify = (bytes: Uint8Array) => verifyArchive(Readable.from([bytes]));

describe('verifying an archive', () => {
  for (const [algorithm, digestOf] of [
    ['sha256', sha256Of],
    ['sha512', sha512Of],
  ] as const) {
    it(`finds nothing wrong with one that is right, by ${algorithm}`, async () => {
      const sample = wholeSample(LAYERS, digestOf);
      const { manifest, config } = sample.image;
      const verified = await verify(assemble(sample));
      assert.deepEqual(
        [verified.manifestDigest, verified.imageId, verified.layers, verified.unpackedBytes],
        [manifest.digest, config.digest, 2, 3700],
      );
    });
  }

  /** A byte of each thing that an archive holds. */
  const places: readonly (readonly [what: string, at: number, says: RegExp])[] = [
    ['a layer', SAMPLE.layout.layers[1]?.dataStart ?? 0, /does not hold what its name says/],
    [
      'the last byte of a layer',
      (SAMPLE.layout.layers[0]?.dataEnd ?? 0) - 1,
      /does not hold what its name says/,
    ],
    ['the manifest', ARCHIVE.indexOf(SAMPLE.image.manifest.bytes) + 3, /does not hold what its name says/],
    ['the config', ARCHIVE.indexOf(SAMPLE.image.config.bytes) + 3, /does not hold what its name says/],
    ['a header', SAMPLE.layout.layers[1]?.start ?? 0, /checksum|header/i],
    ['manifest.json', ARCHIVE.indexOf('"Layers":["blobs/sha256/') + 25, /lists another layer 1/],
    ['index.json', ARCHIVE.indexOf('"digest":"sha256:') + 20, /is missing/],
  ];
  for (const [what, at, says] of places) {
    it(`finds a changed byte in ${what}`, async () => {
      const changed = Buffer.from(ARCHIVE);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await assert.rejects(verify(changed), says);
    });
  }

  it('finds one that breaks off, wherever', async () => {
    for (const { start, dataStart, dataEnd } of SAMPLE.layout.layers)
      for (const length of [start, dataStart, dataEnd - 1])
        await assert.rejects(verify(ARCHIVE.subarray(0, length)));
    const broken = Readable.from(
      (function* () {
        yield ARCHIVE.subarray(0, 1000);
        throw new Error('the disk is gone');
      })(),
    );
    await assert.rejects(verifyArchive(broken), /the disk is gone/);
  });

  it('finds a layer that unpacks to something else than the config says', async () => {
    // Its own digest is right: only unpacking tells.
    const packed = gzipSync(Buffer.alloc(3000, 'c'));
    await assert.rejects(verify(assemble(wholeSample([packed]))), /does not unpack to its diff id/);
  });
});
