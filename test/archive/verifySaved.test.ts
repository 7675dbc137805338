import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { planExport } from '../../src/archive/layout.ts';
import { streamedEntries } from '../../src/archive/streamedEntries.ts';
import { verifySaved, type VerifiedContents } from '../../src/archive/verifySaved.ts';
import { hexOf, sha256Of } from '../../src/image/digest.ts';
import { OCI_INDEX } from '../../src/image/mediaTypes.ts';
import { runTag } from '../../src/image/reference.ts';
import { assemble, wholeSample } from './support/samples.ts';

const SHARED = Buffer.alloc(2000, 's');
const ONE = wholeSample([SHARED, Buffer.alloc(100, '1')]);
const TWO = wholeSample([Buffer.alloc(900, '2'), SHARED]);
const INDEX = indexOf([ONE, TWO]);
/** Of other images. */
const FOREIGN_INDEX = indexOf([wholeSample([])]);

function indexOf(samples: readonly (typeof ONE)[]) {
  const manifests = samples.map(({ image: { manifest } }) => ({
    ...{ mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length },
    platform: { os: 'linux', architecture: 'amd64' },
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  return { digest: sha256Of(bytes), bytes };
}

/** Both images in one file, under these tags. */
function exported(index = INDEX): Buffer {
  const layout = planExport(
    [
      { image: ONE.image, tags: ['1', 'latest'], index: index.digest },
      { image: TWO.image, tags: ['2'] },
    ],
    [index],
  );
  const contents = new Map([...ONE.contents, ...TWO.contents]);
  return assemble({ image: ONE.image, layout, contents });
}

const verify = (tar: Uint8Array, isGzipped = false): Promise<VerifiedContents> =>
  verifySaved(streamedEntries(Readable.from([isGzipped ? gzipSync(tar) : tar]), isGzipped));

describe('an archive of several images', () => {
  for (const isGzipped of [false, true])
    it(`gives each under its tags, with the index that led to it${isGzipped ? ', gzipped' : ''}`, async () => {
      const { images, contents } = await verify(exported(), isGzipped);
      assert.deepEqual(
        images.map(({ manifest, index, config }) => ({ manifest, index, config })),
        [
          {
            manifest: ONE.image.manifest.digest,
            index: INDEX.digest,
            config: ONE.image.config.digest,
          },
          { manifest: TWO.image.manifest.digest, index: undefined, config: TWO.image.config.digest },
        ],
      );
      const [one, two] = images;
      assert.deepEqual(one?.names.slice(0, 2), ['team/whole:1', 'team/whole:latest']);
      assert.ok(two?.names.includes('team/whole:2') && !two.names.some((name) => name.endsWith(':1')));
      assert.deepEqual(await contents.read(`blobs/sha256/${hexOf(INDEX.digest)}`), INDEX.bytes);
    });

  it('has what its images have in common once', () => {
    const tar = exported();
    const name = `blobs/sha256/${hexOf(sha256Of(SHARED))}\0`;
    assert.notEqual(tar.indexOf(name), -1);
    assert.equal(tar.indexOf(name), tar.lastIndexOf(name));
  });

  it('believes no word of an index that does not list the image', async () => {
    const { images } = await verify(exported(FOREIGN_INDEX));
    assert.deepEqual(
      images.map(({ index }) => index),
      [undefined, undefined],
    );
  });

  it('tells where a layer lies, how large it is, and what it unpacks to', async () => {
    const { images, blobAt } = await verify(exported());
    const path = images[1]?.layerPaths[1] ?? '';
    const { size, diffId, compression } = blobAt(path) ?? assert.fail(path);
    assert.deepEqual([size, diffId, compression], [SHARED.length, sha256Of(SHARED), undefined]);
    assert.equal(blobAt('blobs/sha256/none'), undefined);
  });

  const tar = exported();
  const places = {
    'a layer': tar.indexOf(Buffer.alloc(100, '1')),
    'the index': tar.indexOf(INDEX.bytes) + 5,
    'a config': tar.indexOf(TWO.image.config.bytes) + 5,
  };
  for (const [what, at] of Object.entries(places))
    it(`is refused where a byte of ${what} is another`, async () => {
      const damaged = Buffer.from(tar);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
      await assert.rejects(verify(damaged), /does not hold what its name says/);
    });
  for (const isGzipped of [false, true])
    it(`is refused where it is cut short${isGzipped ? ', gzipped' : ''}`, () =>
      assert.rejects(
        verifySaved(
          streamedEntries(
            Readable.from([(isGzipped ? gzipSync(tar) : tar).subarray(0, isGzipped ? 300 : 9000)]),
            isGzipped,
          ),
        ),
      ));
});

describe('an archive of one image', () => {
  it('gives it under the tag that it runs by', async () => {
    const { images } = await verify(assemble(ONE));
    const [name] = images[0]?.names ?? [];
    assert.equal(name, `team/whole:${runTag(ONE.image.manifest.digest)}`);
  });
});
