import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { LAYOUT_VERSION } from '../../src/archive/layout.ts';
import { openArchive } from '../../src/catalog/openArchive.ts';
import { canonicalReference, runReference } from '../../src/image/reference.ts';
import { toMetadata } from '../../src/store/archive/archiveMetadata.ts';
import { readArchive } from '../../src/store/archive/archives.ts';
import { archiveName } from '../../src/store/archive/archiveNames.ts';
import { sha256Of } from '../../src/image/digest.ts';
import { assemble, sha512Of, wholeSample } from '../archive/support/samples.ts';
import { startTestStorage, type TestStorage } from '../store/support/storage.ts';

let server: TestStorage;
before(async () => (server = await startTestStorage()));
after(() => server.close());

/** Puts an archive into storage whose every digest is of this kind. */
async function store(digestOf: typeof sha256Of) {
  const sample = wholeSample([randomBytes(3000)], digestOf);
  const { image, layout } = sample;
  const archive = assemble(sample);
  const { digest } = image.manifest;
  const metadata = toMetadata(
    {
      image: canonicalReference({ ...image.name, digest }),
      platform: image.platform ?? assert.fail(),
      manifestDigest: digest,
      indexDigest: undefined,
      imageId: image.config.digest,
      runRef: runReference(image.name, digest),
      createdAt: '2026-01-02T03:04:05Z',
      lastUsed: '2026-01-02T03:04:05Z',
    },
    LAYOUT_VERSION,
  );
  const blob = archiveName(image.name, digest);
  const client = server.storage.images.getBlockBlobClient(blob);
  await client.upload(archive, archive.length, { metadata });
  const cached = (await readArchive(server.storage, blob)) ?? assert.fail();
  return { client, archive, metadata, image, layout, cached };
}

describe('opening an archive', () => {
  for (const [algorithm, digestOf] of [
    ['sha256', sha256Of],
    ['sha512', sha512Of],
  ] as const) {
    it(`gives back the image that it was made from, by ${algorithm}`, async () => {
      const { cached, image, layout } = await store(digestOf);
      assert.deepEqual(await openArchive(server.storage, cached), { image, layout });
    });
  }

  it('gives nothing where the archive is gone, or is not laid out as this version does', async () => {
    const { cached, client, archive, metadata } = await store(sha256Of);
    await client.upload(archive.subarray(0, -512), archive.length - 512, { metadata });
    const shorter = (await readArchive(server.storage, cached.blob)) ?? assert.fail();
    assert.equal(await openArchive(server.storage, shorter), undefined);
    await client.delete();
    assert.equal(await openArchive(server.storage, cached), undefined);
  });
});
