import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { makeSampleImage, type SampleImage } from '../../local/sampleImage.ts';
import { type SampleRegistry, startSampleRegistry } from '../../local/sampleRegistry.ts';
import { verifyArchive } from '../../src/archive/verifyArchive.ts';
import { OCI_MANIFEST } from '../../src/image/mediaTypes.ts';
import { type SecureAzurite, startSecureAzurite } from '../support/azurite.ts';
import { eventually } from '../support/eventually.ts';
import { type IdentityEndpoint, startIdentityEndpoint, storageToken } from '../support/identityEndpoint.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import { download, startTestService, type TestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';

const CLIENT_ID = '0d2e1f30-5a4b-4c3d-8e9f-112233445566';
const DAY_MS = 24 * 3600 * 1000;

/** One image, from the request to its end, by an app that has no key of its storage: only an identity. */
describe('the service with an identity and no key', { skip: requireTools('openssl') }, () => {
  let folder: string;
  let azurite: SecureAzurite;
  let endpoint: IdentityEndpoint;
  let sample: SampleImage;
  let registries: SampleRegistry[];
  let service: TestService;
  let images: ContainerClient;
  const image = (): string => `${registries[0]?.host ?? ''}/team/hello:1`;

  before(async () => {
    folder = await temporaryDirectory('identity');
    azurite = await startSecureAzurite();
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), azurite.certificate.certificate]);
    endpoint = await startIdentityEndpoint();
    // So short that a run needs several.
    endpoint.tokenSeconds = 30;
    sample = await makeSampleImage();
    registries = await Promise.all([startSampleRegistry(sample), startSampleRegistry(damaged(sample))]);
    service = await startTestService({
      ...endpoint.env,
      NODE_EXTRA_CA_CERTS: azurite.certificate.certificateFile,
      IMAGE_STORAGE__blobServiceUri: azurite.blobServiceUri,
      IMAGE_STORAGE__clientId: CLIENT_ID,
      INSECURE_REGISTRIES: registries.map(({ host }) => host).join(','),
      LASTUSED_RESOLUTION_SECONDS: '0',
    });
    images = new BlobServiceClient(azurite.blobServiceUri, {
      getToken: () => {
        const expires = Date.now() + 3_600_000;
        return Promise.resolve({
          token: storageToken(Math.floor(expires / 1000)),
          expiresOnTimestamp: expires,
        });
      },
    }).getContainerClient('dockerimages');
  });
  after(async () => {
    await service.close();
    await Promise.all([...registries, endpoint, azurite].map((server) => server.close()));
    await removeDirectory(folder);
  });

  it('caches an image, and lookup gives a URL of it that anybody can download', async () => {
    const found = await service.cache(image());
    const parameters = new URL(found.url ?? '').searchParams;
    assert.ok(parameters.get('skoid'), 'it is not signed with a user delegation key');
    assert.deepEqual([parameters.get('sp'), parameters.get('spr')], ['r', 'https']);
    const archive = path.join(folder, 'image.tar');
    await download(found.url, archive);
    const verified = await verifyArchive(createReadStream(archive));
    assert.equal(verified.manifestDigest, found.manifestDigest);
  });

  it('asked for tokens in the name of its user-assigned identity, again and again', () => {
    assert.ok(endpoint.asked.length > 1, `${endpoint.asked.length} tokens`);
    for (const query of endpoint.asked) assert.equal(query.get('client_id'), CLIENT_ID);
  });

  it('throws away what a failed run staged', async () => {
    const other = `${registries[1]?.host ?? ''}/team/hello:1`;
    assert.equal((await service.ask(other)).status, 202);
    const last = (await service.watch(other)).at(-1);
    assert.equal(last?.error?.code, 'digest_mismatch', JSON.stringify(last));
    const names: string[] = [];
    for await (const { name } of images.listBlobsFlat({ includeUncommitedBlobs: true })) names.push(name);
    assert.deepEqual(
      names.filter((name) => !name.startsWith('_runs/')),
      [(await service.request('GET', `/api/images?image=${image()}`)).body.blob],
    );
  });

  it('prunes what nobody used', async () => {
    const { body } = await service.request('GET', `/api/lookup?image=${image()}`);
    const blob = images.getBlobClient(body.blob ?? '');
    const { metadata = {} } = await blob.getProperties();
    const lastused = new Date(Date.now() - 31 * DAY_MS).toISOString();
    await blob.setMetadata({ ...metadata, lastused });
    const answer = await fetch(`${service.url}/admin/functions/prune`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    assert.equal(answer.status, 202);
    await eventually('the archive is gone', async () => !(await blob.exists()));
    const { status } = await fetch(body.url ?? '');
    assert.equal(status, 404);
  });

  it('says nothing of its tokens or of the header that gets them', () => {
    for (const secret of ['eyJ', endpoint.env.IDENTITY_HEADER]) assert.ok(!service.output().includes(secret));
  });
});

/** The same image, whose largest layer has a byte that is another. */
function damaged(image: SampleImage): SampleImage {
  const blobs = new Map(image.blobs);
  const [[digest, blob] = assert.fail()] = [...blobs]
    .filter(([, { mediaType }]) => mediaType !== OCI_MANIFEST)
    .sort(([, a], [, b]) => b.bytes.length - a.bytes.length);
  const bytes = Buffer.from(blob.bytes);
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  blobs.set(digest, { ...blob, bytes });
  return { ...image, blobs };
}
