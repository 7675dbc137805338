import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import tls from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import { dropStagedBlocks, stageBlock, stagedBytes } from '../../../src/store/archive/staging.ts';
import type { Storage } from '../../../src/store/storage.ts';
import { StorageCredential } from '../../../src/store/storageCredential.ts';
import { type SecureAzurite, startSecureAzurite } from '../../support/azurite.ts';
import { storageToken } from '../../support/identityEndpoint.ts';
import { requireTools } from '../../support/tools.ts';

const TENANT = 'ab1f708d-50f6-404c-a006-d71b2ac7a606';
/** What storage says of a token that it does not take, or does not take any more. */
const WRONG_TENANT = `Bearer authorization_uri=https://login.microsoftonline.com/${TENANT}/oauth2/authorize resource_id=https://storage.azure.com`;
const REVOKED = `Bearer realm="", error="insufficient_claims", claims="${Buffer.from('{"access_token":{}}').toString('base64')}"`;

const RUN = { run: 'aaaaaaaa', attempt: 'bbbbbbbb' };

/** Counts what the SDK asks it for. */
class CountingCredential extends StorageCredential {
  asked = 0;

  override getToken(...parameters: Parameters<StorageCredential['getToken']>) {
    this.asked += 1;
    return super.getToken(...parameters);
  }
}

describe('a block that is staged with a token', { skip: requireTools('openssl') }, () => {
  let azurite: SecureAzurite;
  let front: Front;
  let storage: Storage;
  let credential: CountingCredential;
  const tokens: string[] = [];

  before(async () => {
    azurite = await startSecureAzurite();
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), azurite.certificate.certificate]);
    front = await startFront(azurite);
    // Each token is another, so that it can be told which was sent.
    const entra = {
      getToken: () => {
        const expires = Math.floor(Date.now() / 1000) + 3600 + tokens.length;
        tokens.push(storageToken(expires));
        return Promise.resolve({ token: tokens.at(-1) ?? '', expiresOnTimestamp: expires * 1000 });
      },
    };
    credential = new CountingCredential(entra, {}, 'me');
    const service = new BlobServiceClient(front.uri, credential, {
      retryOptions: { maxTries: 3, retryDelayInMs: 1 },
    });
    const container = (name: string) => service.getContainerClient(name);
    storage = {
      service,
      images: container('dockerimages'),
      index: container('dockerimages-index'),
      sharedKey: undefined,
    };
    await storage.images.create();
  });
  after(async () => {
    await front.close();
    await azurite.close();
  });

  const answers: [what: string, refusal: Refusal][] = [
    ['refused for its tenant, when it was read', { status: 401, challenge: WRONG_TENANT, reads: Infinity }],
    ['refused for a token that was revoked, half-way', { status: 401, challenge: REVOKED, reads: 300_000 }],
    ['refused at once', { status: 401, challenge: WRONG_TENANT, reads: 0 }],
    ['answered with 503, half-way', { status: 503, challenge: undefined, reads: 300_000 }],
  ];
  for (const [what, refusal] of answers) {
    it(`${what}: is sent again, whole`, async () => {
      const blob = `team/${what.replaceAll(/\W+/g, '-')}.tar`;
      const pieces = [randomBytes(400_000), randomBytes(700_000)];
      Object.assign(front, { refusal, seen: [] });
      await stageBlock(storage, blob, { index: 0, ...RUN }, pieces);
      assert.equal(front.seen.length, 2);
      const [first, second] = front.seen;
      assert.equal(first === second, refusal.status === 503, 'another token where that one was refused');
      assert.equal(await stagedBytes(storage, blob, RUN.run), 1_100_000);

      const client = storage.images.getBlockBlobClient(blob);
      const { uncommittedBlocks = [] } = await client.getBlockList('uncommitted');
      await client.commitBlockList(uncommittedBlocks.map(({ name }) => name));
      assert.deepEqual(await client.downloadToBuffer(), Buffer.concat(pieces));
    });
  }

  it('that is always refused: the error says so, and the block was sent twice', async () => {
    Object.assign(front, {
      refusal: { status: 401, challenge: WRONG_TENANT, reads: Infinity, always: true },
      seen: [],
    });
    await assert.rejects(stageBlock(storage, 'team/never.tar', { index: 0, ...RUN }, [randomBytes(1000)]), {
      code: 'storage_unavailable',
      message: /refused staging a block .*role Storage Blob Data Contributor/,
    });
    assert.equal(front.seen.length, 2);
    front.refusal = undefined;
  });

  it('is sent with the token that is kept, which the SDK asks for each time and keeps none of', async () => {
    const { asked } = credential;
    const { length } = tokens;
    for (let index = 0; index < 5; index += 1)
      await stageBlock(storage, 'team/asking.tar', { index, ...RUN }, [randomBytes(10)]);
    assert.equal(credential.asked, asked + 5);
    assert.equal(tokens.length, length);
  });

  it('goes when its run is abandoned, with an empty block list', async () => {
    const blob = 'team/abandoned.tar';
    await stageBlock(storage, blob, { index: 0, ...RUN }, [randomBytes(1000)]);
    await dropStagedBlocks(storage, blob, () => true);
    assert.equal(await stagedBytes(storage, blob, RUN.run), 0);
    assert.equal(await storage.images.getBlobClient(blob).exists(), false);
  });
});

interface Refusal {
  readonly status: number;
  readonly challenge: string | undefined;
  /** Bytes of the block that are read before the answer. */
  readonly reads: number;
  /** Otherwise the first Put Block alone is refused. */
  readonly always?: boolean;
}

interface Front {
  readonly uri: string;
  refusal: Refusal | undefined;
  /** The authorization of each Put Block. */
  seen: string[];
  close(): Promise<void>;
}

/** Stands in front of Azurite, which refuses no token without a reason, and refuses a Put Block as storage would. */
async function startFront({ certificate, blobServiceUri }: SecureAzurite): Promise<Front> {
  const target = new URL(blobServiceUri);
  const server = https.createServer({ cert: certificate.certificate, key: certificate.key });
  server.on('request', (request, response) => {
    const answer = async (): Promise<void> => {
      const { refusal } = front;
      if (request.url?.includes('comp=block&') === true) {
        front.seen.push(request.headers.authorization ?? '');
        if (refusal !== undefined) {
          if (refusal.always !== true) front.refusal = undefined;
          let read = 0;
          if (refusal.reads > 0)
            for await (const chunk of request.iterator({ destroyOnReturn: false })) {
              read += (chunk as Buffer).length;
              if (read >= refusal.reads) break;
            }
          response.writeHead(refusal.status, {
            ...(refusal.challenge !== undefined && { 'www-authenticate': refusal.challenge }),
          });
          response.end(() => request.resume());
          return;
        }
      }
      const { method, headers, url } = request;
      const forwarded = https.request(new URL(url ?? '', target), {
        method,
        headers,
        ca: certificate.certificate,
      });
      forwarded.end(await buffer(request));
      const [upstream] = (await once(forwarded, 'response')) as [IncomingMessage];
      response.writeHead(upstream.statusCode ?? 0, upstream.headers);
      upstream.pipe(response);
    };
    answer().catch((error: unknown) => {
      console.error('the server in front of Azurite failed:', error);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const front: Front = {
    uri: `https://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`,
    refusal: undefined,
    seen: [],
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return front;
}
