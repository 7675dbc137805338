import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sha256Of } from '../../../src/image/digest.ts';
import { parseReference } from '../../../src/image/reference.ts';
import { readManifestOf, readTag, writeManifestOf, writeTag } from '../../../src/store/hints/aliases.ts';
import { digestAliasName, tagAliasName } from '../../../src/store/hints/hintNames.ts';
import { sha512Of } from '../../archive/support/samples.ts';
import { startTestStorage, type TestStorage } from '../support/storage.ts';

const NAME = parseReference('ghcr.io/team/sample:1');
const DIGEST = sha256Of('something');
const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM = { os: 'linux', architecture: 'arm', variant: 'v7' };

let server: TestStorage;
before(async () => (server = await startTestStorage()));
after(() => server.close());

async function overwrite(blob: string, content: string | Buffer): Promise<void> {
  await server.storage.index.getBlockBlobClient(blob).upload(content, Buffer.byteLength(content));
}

describe('an alias', () => {
  it('is undefined until it is written, and can be written again', async () => {
    assert.equal(await readTag(server.storage, NAME, '1'), undefined);
    await writeTag(server.storage, NAME, '1', DIGEST);
    assert.equal((await readTag(server.storage, NAME, '1'))?.digests[0], DIGEST);
    await writeTag(server.storage, NAME, '1', sha512Of('later'));
    assert.equal((await readTag(server.storage, NAME, '1'))?.digests[0], sha512Of('later'));
    assert.equal(await readTag(server.storage, NAME, '2'), undefined);
    assert.equal(await readTag(server.storage, { ...NAME, registry: 'quay.io' }, '1'), undefined);
  });

  it('of a digest is per platform', async () => {
    await writeManifestOf(server.storage, NAME, DIGEST, AMD64, sha256Of('amd64'));
    await writeManifestOf(server.storage, NAME, DIGEST, ARM, sha256Of('arm'));
    assert.equal(await readManifestOf(server.storage, NAME, DIGEST, AMD64), sha256Of('amd64'));
    assert.equal(await readManifestOf(server.storage, NAME, DIGEST, ARM), sha256Of('arm'));
    assert.equal(await readManifestOf(server.storage, NAME, sha256Of('other'), ARM), undefined);
  });

  for (const garbage of [
    '',
    'x',
    'null',
    '[]',
    '"sha256:1"',
    '{}',
    '{"digest":1}',
    '{"digest":"sha256:../../etc"}',
    '\u0000\u00ff',
  ]) {
    it(`that holds ${JSON.stringify(garbage)} is no alias, and no error`, async () => {
      await overwrite(tagAliasName(NAME, 'garbage'), garbage);
      assert.equal(await readTag(server.storage, NAME, 'garbage'), undefined);
      await overwrite(digestAliasName(NAME, DIGEST, AMD64), garbage);
      assert.equal(await readManifestOf(server.storage, NAME, DIGEST, AMD64), undefined);
    });
  }
});
