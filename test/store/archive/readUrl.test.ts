import assert from 'node:assert/strict';
import tls from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import { readUrl } from '../../../src/store/archive/readUrl.ts';
import type { Storage } from '../../../src/store/storage.ts';
import { type SecureAzurite, startSecureAzurite } from '../../support/azurite.ts';
import { storageToken } from '../../support/identityEndpoint.ts';
import { requireTools } from '../../support/tools.ts';
import { startTestStorage, type TestStorage } from '../support/storage.ts';

const BLOB = 'ghcr.io/team/sample/0123.tar';

async function fill({ images }: Storage): Promise<void> {
  await images.getBlockBlobClient(BLOB).upload('the archive', 11);
  await images.getBlockBlobClient('other.tar').upload('other', 5);
}

/** The URL reads its own blob, whole and in ranges, and does nothing else. */
async function assertReadsOnly(url: string): Promise<void> {
  assert.equal(await (await fetch(url)).text(), 'the archive');
  const part = await fetch(url, { headers: { range: 'bytes=4-10' } });
  assert.deepEqual([part.status, await part.text()], [206, 'archive']);

  const refused = async (what: string, target: string, init: RequestInit): Promise<void> => {
    const answer = await fetch(target, init);
    await answer.body?.cancel();
    assert.equal(answer.status, 403, what);
  };
  const put = { method: 'PUT', body: 'x', headers: { 'x-ms-blob-type': 'BlockBlob' } };
  await refused('write', url, put);
  await refused('stage', `${url}&comp=block&blockid=MDAwMDA%3D`, { method: 'PUT', body: 'x' });
  await refused('metadata', `${url}&comp=metadata`, { method: 'PUT' });
  await refused('delete', url, { method: 'DELETE' });
  const [container = '', search = ''] = url.split(`/${BLOB}`);
  assert.ok(search.startsWith('?'), url);
  await refused('list', `${container}${search}&restype=container&comp=list`, {});
  await refused('another blob', `${container}/other.tar${search}`, {});
  assert.equal(await (await fetch(url)).text(), 'the archive');
}

describe('a URL signed with the account key', () => {
  let server: TestStorage;
  before(async () => {
    server = await startTestStorage();
    await fill(server.storage);
  });
  after(() => server.close());

  it('can read, and can not write, delete or list', async () => {
    const { url } = await readUrl(server.storage, BLOB, 10);
    await assertReadsOnly(url);
  });

  it('ends when it says, names one blob and permits reading alone', async () => {
    const now = new Date('2026-03-04T05:06:07Z');
    const { url, expires } = await readUrl(server.storage, BLOB, 90, now);
    assert.equal(expires.toISOString(), '2026-03-04T06:36:07.000Z');
    const parameters = new URL(url).searchParams;
    assert.deepEqual(
      ['se', 'st', 'sp', 'sr', 'spr'].map((name) => parameters.get(name)),
      ['2026-03-04T06:36:07Z', null, 'r', 'b', 'https,http'],
    );
  });

  it('is of no use once it has ended', async () => {
    const { url } = await readUrl(server.storage, BLOB, 10, new Date(Date.now() - 3_600_000));
    const answer = await fetch(url);
    await answer.body?.cancel();
    assert.equal(answer.status, 403);
  });
});

describe('a URL signed with a user delegation key', { skip: requireTools('openssl') }, () => {
  let azurite: SecureAzurite;
  let storage: Storage;
  before(async () => {
    azurite = await startSecureAzurite();
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), azurite.certificate.certificate]);
    const service = new BlobServiceClient(azurite.blobServiceUri, {
      getToken: () => {
        const expires = Date.now() + 3_600_000;
        const token = storageToken(Math.floor(expires / 1000));
        return Promise.resolve({ token, expiresOnTimestamp: expires });
      },
    });
    storage = {
      service,
      images: service.getContainerClient('dockerimages'),
      index: service.getContainerClient('dockerimages-index'),
      sharedKey: undefined,
    };
    await storage.images.createIfNotExists();
    await fill(storage);
  });
  after(() => azurite.close());

  it('is of no use once it has ended', async () => {
    // Now it is known that the clocks agree.
    await readUrl(storage, BLOB, 10);
    const { url } = await readUrl(storage, BLOB, 10, new Date(Date.now() - 11 * 60_000));
    const answer = await fetch(url);
    await answer.body?.cancel();
    assert.equal(answer.status, 403);
  });

  it('can read, and can not write, delete or list, over https alone', async () => {
    const { url } = await readUrl(storage, BLOB, 10);
    const parameters = new URL(url).searchParams;
    assert.deepEqual([parameters.get('spr'), parameters.get('sp')], ['https', 'r']);
    assert.ok(parameters.get('skoid'), 'it is not signed with a user delegation key');
    await assertReadsOnly(url);
  });
});
