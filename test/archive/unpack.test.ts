import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { compressionOf, unpack, unpackerFor } from '../../src/archive/unpack.ts';

const HALVES = [randomBytes(200_000), randomBytes(70_000)] as const;
const WHOLE = Buffer.concat(HALVES);
/** Of three bytes that mean nothing. https://www.rfc-editor.org/rfc/rfc8878#section-3.1.2 */
const SKIPPABLE = Buffer.from('5a2a4d1803000000aabbcc', 'hex');
const NODE_22 = process.versions.node.startsWith('22.');
const GARBAGE = Buffer.from('garbage');

async function unpacked(parts: readonly Uint8Array[], chunkBytes: number): Promise<Buffer> {
  const packed = Buffer.concat(parts);
  const newUnpacker = unpackerFor(compressionOf(packed)) ?? assert.fail('it is not taken for compressed');
  const out: Buffer[] = [];
  const chunks = async function* () {
    for (let at = 0; at < packed.length; at += chunkBytes)
      yield await Promise.resolve(packed.subarray(at, at + chunkBytes));
  };
  await unpack(chunks(), newUnpacker, (bytes) => out.push(bytes));
  return Buffer.concat(out);
}

describe('unpacking', () => {
  const [gzip, zstd] = [HALVES.map((half) => gzipSync(half)), HALVES.map((half) => zstdCompressSync(half))];
  const empty = zstdCompressSync(Buffer.alloc(0));
  for (const chunkBytes of [1000, 65_536, 1_000_000]) {
    for (const [what, parts] of [
      ['a gzip file of two members', gzip],
      ['zstd of two frames', zstd],
      [
        'zstd with skippable frames before, between and after',
        zstd.flatMap((one) => [SKIPPABLE, one, SKIPPABLE]),
      ],
      ['zstd with an empty frame', [empty, ...zstd, empty]],
      ['one gzip file', [gzipSync(WHOLE)]],
      ['one frame of zstd', [zstdCompressSync(WHOLE)]],
    ] as const) {
      it(`reads all of ${what}, in chunks of ${chunkBytes}`, async () =>
        assert.ok((await unpacked(parts, chunkBytes)).equals(WHOLE)));
    }
    for (const [what, parts] of [
      ['gzip and garbage', [...gzip, GARBAGE]],
      ['gzip and zeros', [...gzip, Buffer.alloc(600)]],
      ['zstd and garbage', [...zstd, GARBAGE]],
      ['zstd and two bytes', [...zstd, GARBAGE.subarray(0, 2)]],
      ['zstd and zeros', [...zstd, Buffer.alloc(600)]],
      ['gzip that breaks off', [gzip[0]?.subarray(0, -3) ?? GARBAGE]],
      ['zstd that breaks off', [zstd[0] ?? GARBAGE, zstd[1]?.subarray(0, -3) ?? GARBAGE]],
      ['a skippable frame that breaks off', [...zstd, SKIPPABLE.subarray(0, -1)]],
    ] as const) {
      const skip =
        NODE_22 && /zstd that|skippable/.test(what) && 'the zstd of Node 22 takes an end for the end';
      it(`refuses ${what}, in chunks of ${chunkBytes}`, { skip }, () =>
        assert.rejects(unpacked(parts, chunkBytes)),
      );
    }
  }
  it('tells what is not compressed', () => assert.equal(compressionOf(Buffer.from('a tar')), undefined));
});
