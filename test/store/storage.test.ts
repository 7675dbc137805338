import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CacheError, SettingError } from '../../src/errors.ts';
import { connectStorage, openStorage } from '../../src/store/storage.ts';
import { sha256Of } from '../../src/image/digest.ts';
import { writeRunPlan } from '../../src/store/archive/runPlans.ts';
import { readTag, writeTag } from '../../src/store/hints/aliases.ts';
import { serve } from '../registry/support/server.ts';

const KEY = Buffer.from('a key that nobody may read').toString('base64');

/** What went wrong, once it is sure that nobody learns the key from it. */
async function failure(connectionString: string): Promise<CacheError | SettingError> {
  try {
    await openStorage({ service: connectStorage(connectionString) }, 'dockerimages');
  } catch (error) {
    assert.ok(error instanceof CacheError || error instanceof SettingError, String(error));
    const shown = JSON.stringify(error) + error.message + (error.stack ?? '');
    for (const secret of [KEY, 'sig=', 'AccountKey', 'a key that nobody'])
      assert.ok(!shown.includes(secret), shown);
    return error;
  }
  assert.fail('it opened');
}

async function outage(connectionString: string): Promise<CacheError> {
  const error = await failure(connectionString);
  assert.ok(error instanceof CacheError, String(error));
  return error;
}

/** The sentence for whoever starts the app. */
async function badSetting(connectionString: string): Promise<string> {
  const error = await failure(connectionString);
  assert.ok(error instanceof SettingError, String(error));
  return error.message;
}

const account = (endpoint: string): string =>
  `DefaultEndpointsProtocol=http;AccountName=me;AccountKey=${KEY};BlobEndpoint=${endpoint}/me;`;

describe('storage', () => {
  it('that nobody answers for is storage_unavailable', async () => {
    const server = await serve(() => undefined);
    await server.close(); // a port where nobody listens any more
    const { code, retryable, message } = await outage(account(server.origin));
    assert.deepEqual([code, retryable], ['storage_unavailable', true]);
    assert.match(message, /opening its containers \(ECONNREFUSED\)/);
  });

  for (const [code, status, says] of [
    ['AuthenticationFailed', 403, /role Storage Blob Data Contributor on the account; .* key/],
    [
      'AuthorizationPermissionMismatch',
      403,
      /may not do that: give it the role Storage Blob Data Contributor/,
    ],
    ['AuthorizationFailure', 403, /firewall/],
    ['KeyBasedAuthenticationNotPermitted', 403, /set IMAGE_STORAGE__blobServiceUri/],
    ['InvalidAuthenticationInfo', 401, /clock .* another tenant/],
  ] as const) {
    it(`that refuses with ${code} says what to do, and which account it is`, async (t) => {
      const server = await serve((_, response) => {
        response.writeHead(status, { 'content-type': 'application/xml', 'x-ms-error-code': code });
        response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>sig=${KEY}</Message></Error>`);
      });
      t.after(() => server.close());
      const { code: ours, message } = await outage(account(server.origin));
      assert.equal(ours, 'storage_unavailable');
      assert.ok(
        message.startsWith(`The storage account ${server.host} refused opening its containers (${code})`),
        message,
      );
      assert.match(message, says);
    });
  }

  it('whose containers are being deleted takes no hint, and says of an archive when to try again', async (t) => {
    let isDeleting = false;
    const server = await serve((_, response) => {
      if (!isDeleting) return void response.writeHead(201).end();
      response.writeHead(409, { 'x-ms-error-code': 'ContainerBeingDeleted' }).end();
    });
    t.after(() => server.close());
    const service = connectStorage(account(server.origin));
    const storage = await openStorage({ service }, 'dockerimages');
    isDeleting = true;
    const name = { registry: 'docker.io', repository: 'library/x' };
    await writeTag(storage, name, '1', sha256Of('x'));
    assert.equal(await readTag(storage, name, '1'), undefined);
    await assert.rejects(writeRunPlan(storage, 'x.tar', 'aaaaaaaa', {}), {
      code: 'storage_unavailable',
      retryAfterSeconds: 30,
      message: /its container was deleted/,
    });
  });

  it('that is given with a SAS, which can sign no URL, is refused at the start', async () => {
    const message = await badSetting(
      'BlobEndpoint=http://127.0.0.1:1/me;SharedAccessSignature=sv=1&sig=c2ln',
    );
    assert.match(message, /the account's key/);
  });

  for (const text of [`AccountKey=${KEY}`, `nonsense ${KEY}`, `AccountName=;AccountKey=${KEY}`]) {
    it(`whose connection string is "${text.slice(0, 14)}…" is refused, and the string not shown`, async () => {
      assert.match(await badSetting(text), /IMAGE_STORAGE/);
    });
  }
});
