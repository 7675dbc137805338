import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isoSeconds, toMetadata } from '../../../src/store/archive/archiveMetadata.ts';
import {
  allArchives,
  type CachedImage,
  deleteArchive,
  findArchive,
  listArchives,
  readArchive,
  touchArchive,
} from '../../../src/store/archive/archives.ts';
import { connectStorage, openStorage, type Storage } from '../../../src/store/storage.ts';
import { serve } from '../../registry/support/server.ts';
import { METADATA, SAMPLE_BLOB, sampleIn, startTestStorage, type TestStorage } from '../support/storage.ts';

let server: TestStorage;
before(async () => (server = await startTestStorage()));
after(() => server.close());

/** An archive as it lies there, but for its bytes. */
async function put(
  storage: Storage,
  repository: string,
  more: Record<string, string> = {},
): Promise<CachedImage> {
  const { blob, image } = sampleIn(repository);
  const metadata = { ...toMetadata(image, '1'), ...more };
  await storage.images.getBlockBlobClient(blob).upload('tar', 3, { metadata });
  return (await readArchive(storage, blob)) ?? assert.fail('it is not an archive');
}

const metadataOf = async (blob: string): Promise<Record<string, string> | undefined> =>
  (await server.storage.images.getBlobClient(blob).getProperties()).metadata;

describe('an archive', () => {
  it('is undefined where there is none', async () => {
    assert.equal(await readArchive(server.storage, 'nothing.tar'), undefined);
  });

  for (const [what, metadata] of Object.entries<Record<string, string>>({
    'no metadata': {},
    'somebody else’s metadata': { owner: 'me' },
    'a manifest digest that is none': { ...toMetadata(METADATA, '1'), manifestdigest: 'sha256:12' },
    'an image id that is none': { ...toMetadata(METADATA, '1'), imageid: 'x' },
    'a platform that is none': { ...toMetadata(METADATA, '1'), platform: 'a/b/c/d' },
  })) {
    it(`is undefined where a blob has ${what}`, async () => {
      await server.storage.images.getBlockBlobClient(SAMPLE_BLOB).upload('x', 1, { metadata });
      assert.equal(await findArchive(server.storage, SAMPLE_BLOB), 'foreign');
    });
  }

  it('without an index has none', async () => {
    const { indexdigest, ...metadata } = toMetadata(METADATA, '1');
    assert.ok(indexdigest);
    await server.storage.images.getBlockBlobClient(SAMPLE_BLOB).upload('x', 1, { metadata });
    const found = (await readArchive(server.storage, SAMPLE_BLOB)) ?? assert.fail();
    assert.equal(found.indexDigest, undefined);
  });
});

describe('touching an archive', () => {
  it('stamps the time and keeps everything else, an operator’s own metadata too', async () => {
    const before = await put(server.storage, 'touch/merge', { owner: 'genomics', ticket: '42' });
    const touched = await touchArchive(server.storage, before, new Date('2026-05-05T05:05:05.999Z'));
    assert.equal(touched?.lastUsed, '2026-05-05T05:05:05Z');
    assert.deepEqual(await metadataOf(sampleIn('touch/merge').blob), {
      ...toMetadata({ ...sampleIn('touch/merge').image, lastUsed: '2026-05-05T05:05:05Z' }, '1'),
      owner: 'genomics',
      ticket: '42',
    });
    const after = await readArchive(server.storage, sampleIn('touch/merge').blob);
    assert.notEqual(after?.etag, before.etag);
    assert.equal(await server.storage.images.getBlobClient(sampleIn('touch/merge').blob).exists(), true);
  });

  it('loses nothing when two nodes and an operator write at once', async () => {
    const { blob } = sampleIn('touch/race');
    const image = await put(server.storage, 'touch/race', { owner: 'genomics' });
    const client = server.storage.images.getBlobClient(blob);
    /** Adds a key as a careful operator does: under If-Match, and again where somebody was faster. */
    const label = async (): Promise<void> => {
      for (let tries = 0; tries < 50; tries++) {
        const { metadata, etag } = await client.getProperties();
        try {
          await client.setMetadata({ ...metadata, label: 'keep' }, { conditions: { ifMatch: etag ?? '' } });
          return;
        } catch {
          // Somebody was faster.
        }
      }
      assert.fail('somebody was always faster');
    };
    for (let round = 1; round <= 3; round++) {
      const [early, late] = [new Date(2026, 1, round, 1), new Date(2026, 1, round, 2)];
      await Promise.all([
        touchArchive(server.storage, image, late),
        touchArchive(server.storage, image, early),
        label(),
      ]);
      const metadata = await metadataOf(blob);
      assert.equal(metadata?.owner, 'genomics');
      assert.equal(metadata.label, 'keep');
      assert.equal(metadata.image, sampleIn('touch/race').image.image);
      assert.ok((metadata.lastused ?? '') >= isoSeconds(early), metadata.lastused);
    }
  });

  it('never turns the clock back', async () => {
    const image = await put(server.storage, 'touch/clock', { lastused: '2026-05-01T00:00:00Z' });
    const touched = await touchArchive(server.storage, image, new Date('2026-04-30T23:59:59Z'));
    assert.equal(touched?.lastUsed, '2026-05-01T00:00:00Z');
    assert.equal((await metadataOf(sampleIn('touch/clock').blob))?.lastused, '2026-05-01T00:00:00Z');
  });

  it('is undefined where the archive was deleted meanwhile', async () => {
    const image = await put(server.storage, 'touch/gone');
    assert.equal(await deleteArchive(server.storage, image), 'deleted');
    assert.equal(await touchArchive(server.storage, image, new Date()), undefined);
  });
});

describe('deleting an archive', () => {
  it('refuses with a stale ETag, and where there is nothing', async () => {
    const seen = await put(server.storage, 'delete/used');
    await touchArchive(server.storage, seen, new Date());
    assert.equal(await deleteArchive(server.storage, seen), 'changed');
    const now = (await readArchive(server.storage, seen.blob)) ?? assert.fail();
    assert.equal(await deleteArchive(server.storage, now), 'deleted');
    assert.equal(await deleteArchive(server.storage, now), 'changed');
    assert.equal(await readArchive(server.storage, seen.blob), undefined);
  });

  it('takes the ETag of a listing', async () => {
    await put(server.storage, 'delete/listed');
    const { images } = await listArchives(server.storage, { prefix: 'delete/listed', pageSize: 10 });
    assert.equal(images.length, 1);
    assert.equal(await deleteArchive(server.storage, images[0] ?? assert.fail()), 'deleted');
  });
});

describe('the catalogue', () => {
  it('comes in pages by name, without foreign blobs, and goes on where it ended', async () => {
    const storage = await server.open('catalogue');
    const repositories = ['a/1', 'a/2', 'b/3', 'b/4', 'c/5'];
    const names = repositories.map((repository) => sampleIn(repository).blob);
    for (const repository of repositories) await put(storage, repository);
    await storage.images.getBlockBlobClient('a/0-foreign.tar').upload('x', 1);
    await storage.images.getBlockBlobClient('b/uncommitted.tar').stageBlock('MDAwMDA=', 'x', 1);

    const pages: string[][] = [];
    let continuation: string | undefined;
    do {
      const page = await listArchives(storage, {
        prefix: '',
        pageSize: 2,
        ...(continuation !== undefined && { continuation }),
      });
      pages.push(page.images.map(({ blob }) => blob.slice(0, 3)));
      continuation = page.continuation;
    } while (continuation !== undefined);
    assert.deepEqual(pages, [['a/1'], ['a/2', 'b/3'], ['b/4', 'c/5']]);

    const inB = await listArchives(storage, { prefix: 'b/', pageSize: 10 });
    assert.deepEqual(
      inB.images.map(({ blob }) => blob),
      names.slice(2, 4),
    );
    const all: string[] = [];
    for await (const { blob } of allArchives(storage)) all.push(blob);
    assert.deepEqual(all, names);
    const { etag, metadata, ...image } = inB.images[0] ?? assert.fail();
    assert.deepEqual(image, { ...sampleIn('b/3').image, blob: names[2], size: 3 });
    assert.match(etag, /^".+"$/);
    assert.equal(metadata.lastused, METADATA.lastUsed);
  });

  /** Azurite takes any continuation; Azure answers like this. */
  it('refuses a continuation that Azure does not know', async (t) => {
    const azure = await serve((request, response) => {
      if (request.url.includes('comp=list')) {
        const code = 'InvalidQueryParameterValue';
        response.writeHead(400, { 'content-type': 'application/xml', 'x-ms-error-code': code });
        response.end(`<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code></Error>`);
      } else response.writeHead(201).end();
    });
    t.after(() => azure.close());
    const account = `AccountName=me;AccountKey=a2V5;BlobEndpoint=${azure.origin}/me;DefaultEndpointsProtocol=http`;
    const storage = await openStorage({ service: connectStorage(account) }, 'dockerimages');
    await assert.rejects(listArchives(storage, { prefix: '', pageSize: 5, continuation: 'garbage' }), {
      code: 'invalid_request',
      message: /continuation/,
    });
    // Without one, it is not the caller who is wrong.
    await assert.rejects(listArchives(storage, { prefix: '', pageSize: 5 }), { code: 'storage_unavailable' });
  });
});
