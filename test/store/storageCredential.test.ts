import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { CacheError } from '../../src/errors.ts';
import { openCredential } from '../../src/identity.ts';
import { StorageCredential } from '../../src/store/storageCredential.ts';
import { type IdentityEndpoint, startIdentityEndpoint } from '../support/identityEndpoint.ts';

const SCOPE = 'https://storage.azure.com/.default';
const ACCOUNT = 'me.blob.core.windows.net';

describe('tokens for a storage account', () => {
  let endpoint: IdentityEndpoint;
  before(async () => {
    endpoint = await startIdentityEndpoint();
    Object.assign(process.env, endpoint.env);
  });
  after(() => endpoint.close());
  beforeEach(() => {
    Object.assign(endpoint, { behaviour: undefined, tokenSeconds: 3600 });
    endpoint.asked.length = 0;
  });
  /** One that the library knows no token of. */
  const open = async (identity = { clientId: randomUUID() as string }) =>
    new StorageCredential(await openCredential(identity), identity, ACCOUNT);
  const tokens = (credential: StorageCredential, count: number) =>
    Promise.all(Array.from({ length: count }, async () => (await credential.getToken(SCOPE)).token));

  it('are asked for once by a crowd, in the name of the identity, and kept', async () => {
    const clientId = randomUUID();
    const credential = await open({ clientId });
    const [first, ...others] = [...(await tokens(credential, 20)), ...(await tokens(credential, 20))];
    assert.ok(others.every((token) => token === first));
    assert.deepEqual(
      endpoint.asked.map((query) => query.get('client_id')),
      [clientId],
    );
  });

  it('are of the app itself, or of a resource id, where that is said', async () => {
    for (const [identity, parameter, value] of [
      [{}, 'client_id', null],
      [{ resourceId: '/i' }, 'mi_res_id', '/i'],
    ] as const) {
      await (await openCredential(identity)).getToken(SCOPE);
      assert.equal(endpoint.asked.at(-1)?.get(parameter), value);
    }
  });

  it('are renewed before they end, while requests go on with the one that is kept', async () => {
    endpoint.tokenSeconds = 200;
    const credential = await open();
    const [first] = await tokens(credential, 1);
    endpoint.behaviour = { status: 400, message: 'The endpoint is out of order.' };
    assert.deepEqual(await tokens(credential, 5), Array(5).fill(first));
    await new Promise(setImmediate);
    endpoint.behaviour = undefined;
    endpoint.tokenSeconds = 3600;
    let renewed: string | undefined = first;
    while (renewed === first) {
      [renewed] = await tokens(credential, 1);
      await new Promise(setImmediate);
    }
    const asked = endpoint.asked.length;
    assert.deepEqual(await tokens(credential, 5), Array(5).fill(renewed));
    assert.equal(endpoint.asked.length, asked);
  });

  it('are not sent once they have ended: then a failure is told', async () => {
    endpoint.tokenSeconds = 5;
    const credential = await open();
    await tokens(credential, 1);
    endpoint.behaviour = { status: 400, message: 'The endpoint is out of order.' };
    await assert.rejects(tokens(credential, 1), /There is no token .* "The endpoint is out of order\."/);
  });

  it('are asked for anew where storage refused the one that it was sent', async () => {
    // The library keeps those that are good for longer.
    endpoint.tokenSeconds = 200;
    const credential = await open();
    await tokens(credential, 1);
    await credential.getToken(SCOPE, { tenantId: 'ab1f708d-50f6-404c-a006-d71b2ac7a606' });
    assert.equal(endpoint.asked.length, 2);
  });

  it('that the identity does not get: the error names account, identity, setting and role', async () => {
    const message = 'No User Assigned or Delegated Managed Identity found for specified ClientId.';
    endpoint.behaviour = { status: 400, message };
    const clientId = randomUUID();
    await assert.rejects(tokens(await open({ clientId }), 1), (error) => {
      assert.ok(error instanceof CacheError);
      assert.equal(error.code, 'storage_unavailable');
      for (const part of [
        ACCOUNT,
        message,
        clientId,
        'IMAGE_STORAGE__clientId',
        'Storage Blob Data Contributor',
      ])
        assert.ok(error.message.includes(part), error.message);
      assert.ok(!error.message.includes(endpoint.env.IDENTITY_HEADER));
      return true;
    });
  });
});
