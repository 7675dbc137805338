import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CacheError } from '../../../src/errors.ts';
import { readArchive } from '../../../src/store/archive/archives.ts';
import {
  ARCHIVE_CONTENT_TYPE,
  commitBlocks,
  stageBlock,
  stagedBytes,
} from '../../../src/store/archive/staging.ts';
import { METADATA, SAMPLE_BLOB, startTestStorage, type TestStorage } from '../support/storage.ts';

const RUN = 'aaaaaaaa';
const OTHER_RUN = 'bbbbbbbb';
const ATTEMPT = '11111111';
const OTHER_ATTEMPT = '22222222';

let server: TestStorage;
before(async () => (server = await startTestStorage()));
after(() => server.close());

const stage = (blob: string, index: number, text: string, run = RUN, attempt = ATTEMPT): Promise<void> =>
  stageBlock(server.storage, blob, { index, run, attempt }, [Buffer.from(text)]);

/** Commits blocks of one attempt, whose texts are given in order. */
const commit = (blob: string, texts: readonly string[], run = RUN, attempt = ATTEMPT): Promise<boolean> =>
  commitBlocks(
    server.storage,
    blob,
    texts.map((text, index) => ({ id: { index, run, attempt }, size: text.length })),
    METADATA,
    '1',
  );

const content = async (blob: string): Promise<string> =>
  (await server.storage.images.getBlobClient(blob).downloadToBuffer()).toString();

describe('progress', () => {
  it('of a blob that does not exist yet is 0', async () => {
    assert.equal(await stagedBytes(server.storage, 'progress/none.tar', RUN), 0);
  });

  it('counts each block once across attempts, and no block of another run', async () => {
    const blob = 'progress/counted.tar';
    await stage(blob, 0, 'zero');
    await stage(blob, 1, 'one');
    await stage(blob, 1, 'one', RUN, OTHER_ATTEMPT);
    await stage(blob, 7, 'of another run', OTHER_RUN);
    assert.equal(await stagedBytes(server.storage, blob, RUN), 'zeroone'.length);
    assert.equal(await stagedBytes(server.storage, blob, OTHER_RUN), 'of another run'.length);
    assert.equal(await stagedBytes(server.storage, blob, 'cccccccc'), 0);
  });

  it('ignores blocks whose ids are not of this app', async () => {
    const blob = 'progress/foreign.tar';
    const client = server.storage.images.getBlockBlobClient(blob);
    await client.stageBlock(Buffer.from('99999.aaaaaaaa.1111111').toString('base64'), 'foreign', 7);
    assert.equal(await stagedBytes(server.storage, blob, RUN), 0);
  });
});

describe('commit', () => {
  it('puts the blocks together in order, with type and metadata, all lower-case', async () => {
    const blob = SAMPLE_BLOB;
    await stage(blob, 1, 'world');
    await stage(blob, 0, 'hello ');
    assert.equal(await commit(blob, ['hello ', 'world']), true);
    assert.equal(await content(blob), 'hello world');
    const { metadata, contentType } = await server.storage.images.getBlobClient(blob).getProperties();
    assert.equal(contentType, ARCHIVE_CONTENT_TYPE);
    assert.deepEqual(metadata, {
      lastused: METADATA.lastUsed,
      createdat: METADATA.createdAt,
      image: METADATA.image,
      platform: 'linux/amd64',
      manifestdigest: METADATA.manifestDigest,
      indexdigest: METADATA.indexDigest,
      imageid: METADATA.imageId,
      runref: METADATA.runRef,
      layers: '1',
      compression: 'gzip',
      layout: '1',
    });
    const { etag, metadata: read, ...image } = (await readArchive(server.storage, blob)) ?? assert.fail();
    assert.deepEqual(image, { ...METADATA, blob, size: 11 });
    assert.deepEqual(read, metadata);
    assert.match(etag, /^".+"$/);
  });

  it('refuses where a block is missing, of another size, or of an attempt that proved nothing', async () => {
    const blob = 'commit/incomplete.tar';
    await stage(blob, 0, 'zero');
    await stage(blob, 1, 'short');
    await stage(blob, 2, 'two', RUN, OTHER_ATTEMPT);
    const refused = (index: number) => (error: unknown) =>
      error instanceof CacheError &&
      error.code === 'storage_unavailable' &&
      !error.retryable &&
      error.message.includes(`Block ${index} of ${blob}`);
    await assert.rejects(commit(blob, ['zero', 'longer']), refused(1));
    await assert.rejects(commit(blob, ['zero', 'short', 'two']), refused(2));
    await assert.rejects(commit(blob, ['zero', 'short', 'two', 'never']), refused(2));
    await assert.rejects(commit(blob, ['zero'], OTHER_RUN), refused(0));
    assert.equal(await server.storage.images.getBlobClient(blob).exists(), false);
  });

  it('leaves out what a losing attempt staged over the same number', async () => {
    const blob = 'commit/attempts.tar';
    await stage(blob, 0, 'right', RUN, ATTEMPT);
    await stage(blob, 0, 'WRONG', RUN, OTHER_ATTEMPT);
    assert.equal(await commit(blob, ['right']), true);
    assert.equal(await content(blob), 'right');
  });

  it('is over when it is done: a second one changes nothing', async () => {
    const blob = 'commit/second.tar';
    await stage(blob, 0, 'first');
    assert.equal(await commit(blob, ['first']), true);
    const { etag } = await server.storage.images.getBlobClient(blob).getProperties();

    // With blocks of its own, staged since: If-None-Match is what refuses.
    await stage(blob, 0, 'later', OTHER_RUN);
    assert.equal(await commit(blob, ['later'], OTHER_RUN), false);
    // Without any: the first commit discarded them.
    assert.equal(await commit(blob, ['first']), false);
    assert.equal(await content(blob), 'first');
    assert.equal((await server.storage.images.getBlobClient(blob).getProperties()).etag, etag);
  });

  it('of two runs at once makes one archive of one of them', async () => {
    const blob = 'commit/race.tar';
    const runs = [RUN, OTHER_RUN];
    await Promise.all(
      runs.flatMap((run) =>
        Array.from({ length: 10 }, (_, index) => stage(blob, index, `${run}${index}\n`, run)),
      ),
    );
    const texts = (run: string): string[] => Array.from({ length: 10 }, (_, index) => `${run}${index}\n`);
    const won = await Promise.all(runs.map((run) => commit(blob, texts(run), run)));
    assert.deepEqual([...won].sort(), [false, true]);
    assert.equal(await content(blob), texts(runs[won.indexOf(true)] ?? '').join(''));
  });

  it('of a run whose blocks another commit discarded succeeds as already done', async () => {
    const blob = 'commit/discarded.tar';
    await stage(blob, 0, 'ours');
    await stage(blob, 0, 'theirs', OTHER_RUN);
    assert.equal(await commit(blob, ['theirs'], OTHER_RUN), true);
    assert.equal(await stagedBytes(server.storage, blob, RUN), 0);
    assert.equal(await commit(blob, ['ours']), false);
    assert.equal(await content(blob), 'theirs');
  });

  it('stops staging when it is told to', async () => {
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    const id = { index: 0, run: RUN, attempt: ATTEMPT };
    await assert.rejects(
      stageBlock(server.storage, 'commit/aborted.tar', id, [Buffer.from('x')], abort.signal),
      { name: 'AbortError' },
    );
  });
});
