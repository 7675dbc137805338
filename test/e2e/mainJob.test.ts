import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { extract } from 'tar-stream';
import { verifyArchive } from '../../src/archive/verifyArchive.ts';
import type { ImageView, LookupView } from '../../src/api/views.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import { assertReading, READER_TOOLS, type ReaderName, READERS } from '../support/readers.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { type SamtoolsImage, samtoolsImage } from '../support/samtools.ts';
import { download, startTestService, type TestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';

const skip = requireTools('docker-registry', ...READER_TOOLS);

/** Issue 209's job, whole: a real image, from a real registry, through the service, into every reader. */
describe('a real Debian image of more than 300 MB', { skip }, () => {
  let directory: string;
  let archive: string;
  let registry: Registry;
  let service: TestService;
  let image: SamtoolsImage;
  let reference: string;
  let views: ImageView[];
  let found: LookupView;

  before(async () => {
    directory = await temporaryDirectory('main-job');
    archive = path.join(directory, 'image.tar');
    image = await samtoolsImage();
    registry = await startRegistry({ seed: image.seed });
    await registry.forgetRequests();
    service = await startTestService({ INSECURE_REGISTRIES: registry.host });
    reference = `${registry.host}/debian/samtools:1`;
  });
  after(async () => {
    await service.close();
    await registry.close();
    await removeDirectory(directory);
  });

  it('is cached by one of a hundred requests at once, with one pull', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => service.ask(reference)));
    for (const { status, body, headers } of answers) {
      assert.equal(status, 202);
      assert.equal(body.state, 'pending');
      assert.match(headers.get('location') ?? '', /^\/api\/images\?image=/);
    }
    views = await service.watch(reference);
    assert.equal(views.at(-1)?.state, 'ready');

    const pulls = (await registry.requests()).filter(({ method }) => method === 'GET');
    assert.equal(pulls.filter((request) => request.path.includes('/manifests/')).length, 1);
    for (const { digest, size } of image.layers) {
      // On a busy machine a stream may be resumed, so the bytes are counted: less than a second pull of the layer.
      const gets = pulls.filter((request) => request.path.includes(digest));
      const served = gets.reduce((total, { bytes }) => total + bytes, 0);
      assert.ok(served >= size && served < 2 * size, `${served} bytes in ${gets.length} answers for ${size}`);
    }
  });

  it('shows its progress while it travels: bytes staged of bytes in all, never going back', () => {
    const steps = views.flatMap(({ progress }) => (progress?.totalBytes === undefined ? [] : [progress]));
    assert.ok(steps.length > 3, `${steps.length} views with progress`);
    const total = views.at(-1)?.size;
    let before = 0;
    for (const { stagedBytes = -1, totalBytes } of steps) {
      assert.ok(stagedBytes >= before && stagedBytes <= (total ?? 0), `${stagedBytes} after ${before}`);
      assert.equal(totalBytes, total);
      before = stagedBytes;
    }
    assert.ok(before > 0);
  });

  it('is looked up with all that a node needs', async () => {
    const { status, body } = await service.request('GET', `/api/lookup?image=${reference}`);
    found = body;
    const hex = image.digest.slice('sha256:'.length);
    assert.equal(status, 200);
    assert.equal(found.manifestDigest, image.digest);
    assert.equal(found.imageId, image.imageId);
    assert.equal(found.runRef, `${registry.host}/debian/samtools:sha256-${hex}`);
    assert.equal(found.tagAs, reference);
    assert.equal(found.blob, `${registry.host.replace(':', '_')}/debian/samtools/${hex}.tar`);
    await download(found.url, archive);
    const { size } = await stat(archive);
    assert.equal(size, found.size);
    assert.ok(size > 300e6, `${size} bytes`);
  });

  it('keeps every layer byte-identical to the registry, and every digest true', async () => {
    const verified = await verifyArchive(createReadStream(archive));
    assert.equal(verified.manifestDigest, image.digest);
    assert.equal(verified.imageId, image.imageId);
    assert.deepEqual(verified.repoTags, [found.runRef]);
    const inArchive = await hashEntries(archive);
    for (const { digest, size } of image.layers) {
      const answer = await registry.fetch(`/v2/debian/samtools/blobs/${digest}`);
      const hash = createHash('sha512');
      for await (const chunk of answer.body ?? []) hash.update(chunk as Uint8Array);
      assert.deepEqual(inArchive.get(`blobs/${digest.replace(':', '/')}`), {
        size,
        sha512: hash.digest('hex'),
      });
    }
  });

  // ctr 1.7 takes every kind of image in matrix.test.ts; here it would cost CI another 800 MB unpacked.
  for (const name of (Object.keys(READERS) as ReaderName[]).filter((reader) => reader !== 'ctr 1.7')) {
    it(`is taken by ${name}, and runs by runRef where it runs anything`, async () => {
      const reader = await READERS[name]();
      try {
        const command = ['sh', '-c', 'samtools --version | head -n 1'];
        const reading = await reader.read(archive, { runRef: found.runRef ?? '', command });
        assertReading({ ...reading, output: undefined }, { ...image, output: '' });
        if (reading.output !== undefined) assert.match(reading.output, /^samtools \d/);
      } finally {
        await reader.close();
      }
    });
  }
});

async function hashEntries(file: string): Promise<Map<string, { size: number; sha512: string }>> {
  const entries = new Map<string, { size: number; sha512: string }>();
  for await (const entry of createReadStream(file).pipe(extract())) {
    const hash = createHash('sha512');
    for await (const chunk of entry) hash.update(chunk as Buffer);
    entries.set(entry.header.name, { size: entry.header.size, sha512: hash.digest('hex') });
  }
  return entries;
}
