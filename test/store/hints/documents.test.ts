import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sha256Of } from '../../../src/image/digest.ts';
import { documentName } from '../../../src/store/hints/hintNames.ts';
import { readDocument, writeDocument } from '../../../src/store/hints/documents.ts';
import { sha512Of } from '../../archive/support/samples.ts';
import { startTestStorage, type TestStorage } from '../support/storage.ts';

let server: TestStorage;
before(async () => (server = await startTestStorage()));
after(() => server.close());

async function overwrite(blob: string, content: string | Buffer): Promise<void> {
  await server.storage.index.getBlockBlobClient(blob).upload(content, Buffer.byteLength(content));
}

describe('a document', () => {
  for (const [algorithm, digestOf] of [
    ['sha256', sha256Of],
    ['sha512', sha512Of],
  ] as const) {
    it(`by ${algorithm} comes back as it was, and only if it is still what its digest names`, async () => {
      const bytes = Buffer.from([0, 255, 10, 13, 123, 125]);
      const digest = digestOf(bytes);
      assert.equal(await readDocument(server.storage, digest), undefined);
      const document = { digest, bytes };
      await writeDocument(server.storage, document);
      assert.deepEqual(await readDocument(server.storage, digest), document);
      await overwrite(documentName(digest), Buffer.concat([bytes, Buffer.from('!')]));
      assert.equal(await readDocument(server.storage, digest), undefined);
      await writeDocument(server.storage, document);
      assert.deepEqual((await readDocument(server.storage, digest))?.bytes, bytes);
    });
  }

  it('of no bytes at all can be kept', async () => {
    const bytes = Buffer.alloc(0);
    const document = { digest: sha256Of(bytes), bytes };
    await writeDocument(server.storage, document);
    assert.deepEqual(await readDocument(server.storage, document.digest), document);
  });
});
