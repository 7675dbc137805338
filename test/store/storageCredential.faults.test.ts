import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { openCredential } from '../../src/identity.ts';
import { openStorage } from '../../src/store/storage.ts';
import { StorageCredential } from '../../src/store/storageCredential.ts';
import { startIdentityEndpoint } from '../support/identityEndpoint.ts';

const SCOPE = 'https://storage.azure.com/.default';

/** The library tries again for some seconds, and goes on with the first endpoint that it found in a process. */
describe('an identity endpoint', async () => {
  const endpoint = await startIdentityEndpoint();
  Object.assign(process.env, endpoint.env);

  it('that does not answer holds nobody for ever, and is asked again', async () => {
    endpoint.behaviour = 'silence';
    const identity = { clientId: randomUUID() };
    const credential = new StorageCredential(await openCredential(identity, undefined, 2000), identity, 'me');
    await assert.rejects(credential.getToken(SCOPE), /the identity endpoint did not answer in time/);
    endpoint.behaviour = undefined;
    await credential.getToken(SCOPE);
  });

  it('that is down for a moment is asked again', async () => {
    endpoint.behaviour = { status: 503, message: 'Not yet.' };
    const identity = { clientId: randomUUID() };
    const credential = new StorageCredential(await openCredential(identity), identity, 'me');
    const token = credential.getToken(SCOPE);
    const { length } = endpoint.asked;
    while (endpoint.asked.length === length) await new Promise(setImmediate);
    endpoint.behaviour = undefined;
    await token;
  });

  it('that is gone: the error says that it cannot be reached', async () => {
    await endpoint.close();
    const setting = { blobServiceUri: 'https://127.0.0.1:1/me', clientId: randomUUID() };
    await assert.rejects(openStorage(setting, 'dockerimages'), {
      code: 'storage_unavailable',
      message: /no token for the storage account 127\.0\.0\.1:1: the identity endpoint cannot be reached\./,
    });
  });
});
