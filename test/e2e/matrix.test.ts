import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GREETING, pushMatrix } from '../support/images.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import type { PushedImage } from '../support/push.ts';
import { assertReading, READER_TOOLS, type Reader, type ReaderName, READERS } from '../support/readers.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { download, startTestService, type TestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';

const skip = requireTools('docker-registry', 'busybox', ...READER_TOOLS);

/** Kinds of image, by their name in the registry, and the platform's manifest that must come out. */
const KINDS = [
  'oci',
  'docker',
  'zstd',
  'uncompressed',
  'mixed',
  'duplicate',
  'empty',
  'index',
  'list',
  'nested',
] as const;

/** What an old reader cannot do with any archive: Docker learnt zstd in 23.0. */
const REFUSED: Partial<Record<ReaderName, readonly (typeof KINDS)[number][]>> = {
  'docker 20.10': ['zstd', 'mixed'],
};

describe('every kind of image', { skip }, () => {
  let directory: string;
  let registry: Registry;
  let service: TestService;
  const cached = new Map<
    string,
    { readonly image: PushedImage; readonly runRef: string; readonly archive: string }
  >();

  before(async () => {
    directory = await temporaryDirectory('matrix');
    registry = await startRegistry();
    const pushed = await pushMatrix(registry);
    service = await startTestService({ INSECURE_REGISTRIES: registry.host });
    for (const kind of KINDS) {
      const image = pushed[kind];
      const found = await service.cache(`${registry.host}/matrix/${kind}:1`);
      const archive = path.join(directory, `${kind}.tar`);
      await download(found.url, archive);
      if ('amd64' in image) assert.equal(found.indexDigest, image.digest);
      cached.set(kind, {
        image: 'amd64' in image ? image.amd64 : image,
        runRef: found.runRef ?? '',
        archive,
      });
    }
  });
  after(async () => {
    await service.close();
    await registry.close();
    await removeDirectory(directory);
  });

  it('gives the arm64 image of an index where that is asked for', async () => {
    const image = `${registry.host}/matrix/index:1`;
    const query = new URLSearchParams({ image, platform: 'linux/arm64' }).toString();
    assert.equal((await service.request('GET', `/api/lookup?${query}`)).body.code, 'image_not_cached');
    await service.ask(image, { platform: 'linux/arm64' });
    const { status, body } = await service.request('GET', `/api/lookup?wait=30&${query}`);
    assert.equal(status, 200);
    assert.equal(body.platform, 'linux/arm64');
    assert.notEqual(body.manifestDigest, cached.get('index')?.image.digest);
  });

  for (const name of Object.keys(READERS) as ReaderName[]) {
    describe(`with ${name}`, () => {
      let reader: Reader;
      before(async () => (reader = await READERS[name]()));
      after(() => reader.close());
      for (const kind of KINDS) {
        const refused = REFUSED[name]?.includes(kind) === true;
        it(`${refused ? 'is refused, as zstd is' : 'is taken'}: ${kind}`, async () => {
          const { image, runRef, archive } = cached.get(kind) ?? assert.fail();
          const reading = reader.read(archive, { runRef, command: ['/bin/sh', '-c', 'echo "$GREETING"'] });
          if (refused) await assert.rejects(reading);
          else assertReading(await reading, { ...image, output: `${GREETING}\n` });
        });
      }
    });
  }
});
