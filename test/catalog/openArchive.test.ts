import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { LAYOUT_VERSION, planLayout } from '../../src/archive/layout.ts';
import { openArchive } from '../../src/catalog/openArchive.ts';
import { imageOf } from '../../src/image/image.ts';
import { parseManifest } from '../../src/image/manifest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../../src/image/mediaTypes.ts';
import { canonicalReference, runReference } from '../../src/image/reference.ts';
import { readArchive, toMetadata } from '../../src/store/archive/archives.ts';
import { archiveName } from '../../src/store/archive/archiveNames.ts';
import { sha256Of } from '../../src/image/digest.ts';
import { assemble, GZIP_LAYER, sha512Of } from '../archive/support/samples.ts';
import { startTestStorage, type TestStorage } from '../store/support/storage.ts';

let server: TestStorage;
before(async () => (server = await startTestStorage()));
after(() => server.close());

const NAME = { registry: 'docker.io', repository: 'team/opened' };

/** Puts an archive into storage whose every digest is of this kind. */
async function store(digestOf: typeof sha256Of, size = 3000) {
  const layer = randomBytes(size);
  const descriptor = { mediaType: GZIP_LAYER, digest: digestOf(layer), size };
  const config = Buffer.from(
    JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { diff_ids: [sha256Of('unpacked')] } }),
  );
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length },
      layers: [descriptor],
    }),
  );
  const parsed = parseManifest(bytes, undefined, 'a sample');
  assert.ok(parsed.kind === 'manifest');
  const image = imageOf(NAME, { digest: digestOf(bytes), bytes }, parsed, config);
  const layout = planLayout(image);
  const archive = assemble({ image, layout, contents: new Map([[descriptor.digest, layer]]) });
  const { digest } = image.manifest;
  const metadata = toMetadata(
    {
      image: canonicalReference({ ...NAME, digest }),
      platform: image.platform,
      manifestDigest: digest,
      indexDigest: undefined,
      imageId: image.config.digest,
      runRef: runReference(NAME, digest),
      createdAt: '2026-01-02T03:04:05Z',
      lastUsed: '2026-01-02T03:04:05Z',
    },
    LAYOUT_VERSION,
  );
  const blob = archiveName(NAME, digest);
  const client = server.storage.images.getBlockBlobClient(blob);
  await client.upload(archive, archive.length, { metadata });
  return {
    client,
    archive,
    metadata,
    image,
    layout,
    cached: (await readArchive(server.storage, blob)) ?? assert.fail(),
  };
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
