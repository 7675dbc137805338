import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import tls from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import { readUrl } from '../../../src/store/archive/readUrl.ts';
import type { Storage } from '../../../src/store/storage.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { removeDirectory, temporaryDirectory } from '../../support/process.ts';
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
    assert.ok([400, 403, 404, 409].includes(answer.status), `${what}: ${answer.status}`);
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
      ['2026-03-04T06:36:07Z', '2026-03-04T05:01:07Z', 'r', 'b', 'https,http'],
    );
  });

  it('is of no use once it has ended, or before its time', async () => {
    for (const now of [new Date(Date.now() - 3_600_000), new Date(Date.now() + 3_600_000)]) {
      const { url } = await readUrl(server.storage, BLOB, 10, now);
      const answer = await fetch(url);
      await answer.body?.cancel();
      assert.equal(answer.status, 403);
    }
  });
});

describe('a URL signed with a user delegation key', { skip: requireTools('openssl') }, () => {
  let directory: string;
  let azurite: Awaited<ReturnType<typeof startSecureAzurite>>;
  let storage: Storage;
  before(async () => {
    directory = await temporaryDirectory('oauth');
    const certificate = await makeCertificate(directory, 'storage');
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), certificate.certificate]);
    azurite = await startSecureAzurite(directory, certificate);
    const service = new BlobServiceClient(`${azurite.origin}/devstoreaccount1`, { getToken: entraToken });
    storage = {
      service,
      images: service.getContainerClient('dockerimages'),
      index: service.getContainerClient('dockerimages-index'),
      sharedKey: undefined,
    };
    await storage.images.createIfNotExists();
    await fill(storage);
  });
  after(async () => {
    await azurite.close();
    await removeDirectory(directory);
  });

  it('can read, and can not write, delete or list, over https alone', async () => {
    const { url } = await readUrl(storage, BLOB, 10);
    const parameters = new URL(url).searchParams;
    assert.deepEqual([parameters.get('spr'), parameters.get('sp')], ['https', 'r']);
    assert.ok(parameters.get('skoid'), 'it is not signed with a user delegation key');
    await assertReadsOnly(url);
  });

  it('shares one key with others until that does not cover its life any more', async () => {
    const now = new Date();
    const later = (minutes: number): Date => new Date(now.getTime() + minutes * 60_000);
    const keyOf = async (minutes: number, at: Date): Promise<unknown> => {
      await readUrl(storage, BLOB, minutes, at);
      return storage.delegation?.key;
    };
    const key = await keyOf(120, now);
    assert.equal(await keyOf(60, later(1)), key);
    assert.equal(await keyOf(120, later(21 * 60)), key);
    assert.notEqual(await keyOf(120, later(23 * 60)), key);
    // Longer than a key usually lives: it is asked for long enough.
    await readUrl(storage, BLOB, 3 * 24 * 60, now);
    assert.ok((storage.delegation?.expires ?? now) >= later(3 * 24 * 60));
  });
});

/** Takes any token whose claims are right: https://github.com/Azure/Azurite#oauth-configuration */
async function startSecureAzurite(
  directory: string,
  { certificateFile, keyFile }: { readonly certificateFile: string; readonly keyFile: string },
): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const child = spawn(
    process.execPath,
    [
      createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js'),
      ...['--blobHost', '127.0.0.1', '--blobPort', '0', '--oauth', 'basic', '--cert', certificateFile],
      ...['--key', keyFile, '--location', path.join(directory, 'data'), '--disableTelemetry'],
      ...['--skipApiVersionCheck', '--silent'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  const origin = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const url = /successfully listens on (https:\S+)/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once('exit', () => reject(new Error(`Azurite did not start: ${said}`)));
  });
  return {
    origin,
    close: async () => {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}

function entraToken(): Promise<{ token: string; expiresOnTimestamp: number }> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    aud: 'https://storage.azure.com',
    iss: 'https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/',
    nbf: now - 60,
    iat: now - 60,
    exp: now + 3600,
    oid: '23657296-5cd5-45b0-a809-d972a7f4dfe1',
    tid: 'dd0d0df1-06c3-436c-8034-4b9a153097ce',
  };
  return Promise.resolve({
    token: `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`,
    expiresOnTimestamp: (now + 3600) * 1000,
  });
}
