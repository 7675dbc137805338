import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { after, before, describe, it } from 'node:test';
import { type NameServer, startNameServer } from '../registry/support/nameServer.ts';
import { type LoopbackRegistry, startRegistry } from '../runs/support/loopbackRegistry.ts';
import { openAzurite, type TestAzurite } from '../support/azurite.ts';
import { removeDirectory, temporaryDirectory } from '../support/process.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';
import { SmallImages } from './support/smallImages.ts';

/** Where the service finds its only name server. */
const SERVER = { host: '127.53.0.1', port: 53 };
const LOOKUPS = 40;
const MOST = 2;

describe(
  'beside names that no server answers for',
  { skip: requireTools('root', 'unshare', 'mount') },
  () => {
    let names: NameServer;
    let azurite: TestAzurite;
    let good: LoopbackRegistry;
    let service: TestService;
    let small: SmallImages;
    let directory: string;
    let cached: string;
    let alone: number;

    before(async () => {
      directory = await temporaryDirectory('names');
      const resolver = path.join(directory, 'resolv.conf');
      await writeFile(resolver, `nameserver ${SERVER.host}\noptions timeout:5 attempts:2\n`);
      names = await startNameServer(
        (name) => (name.endsWith('.mute.test') ? 'mute' : 'no such name'),
        SERVER,
      );
      [azurite, good] = await Promise.all([openAzurite(), startRegistry()]);
      // Storage is reached by name, as in Azure: getaddrinfo and its threads are in the way of every new connection.
      const storage = azurite.connectionString.replaceAll('127.0.0.1', 'localhost');
      service = await startTestService(
        {
          INSECURE_REGISTRIES: good.hosts.join(','),
          IMAGE_STORAGE: storage,
          LASTUSED_RESOLUTION_SECONDS: '0',
        },
        undefined,
        ['unshare', '--mount', 'sh', '-c', `mount --bind ${resolver} /etc/resolv.conf && exec "$0" "$@"`],
      );
      small = new SmallImages(service, good);
      await small.timeAlone();
      good.push('team/cached:1', { layers: [Buffer.from('cached')] });
      cached = `${good.host}/team/cached:1`;
      await service.cache(cached);
      await lookUp();
      alone = await lookUp();
    });
    after(async () => {
      await service.close();
      await Promise.all([good.close(), azurite.close()]);
      names.close();
      await removeDirectory(directory);
    });

    /** Milliseconds for many lookups of a cached image at once. */
    async function lookUp(): Promise<number> {
      const began = performance.now();
      const query = `/api/lookup?${new URLSearchParams({ image: cached }).toString()}`;
      const answers = await Promise.all(Array.from({ length: LOOKUPS }, () => service.request('GET', query)));
      for (const { status, text } of answers) assert.equal(status, 200, text);
      return performance.now() - began;
    }

    it('lookups of a cached image and a small image take at most twice as long as alone', async (t) => {
      const images = Array.from({ length: 100 }, (_, at) => `n${at}.mute.test/some/image:1`);
      const flood = service.request('POST', '/api/images', { images });
      const before = names.asked();
      const times = [await lookUp(), await lookUp(), await lookUp()].sort((a, b) => a - b);
      const beside = times[1] ?? assert.fail();
      t.diagnostic(
        `${LOOKUPS} lookups: ${Math.round(alone)} ms alone, ${Math.round(beside)} ms beside the names`,
      );
      assert.ok(beside <= MOST * alone, `${beside} ms, ${alone} ms alone`);
      await small.assertUnharmed(t);
      assert.ok(names.asked() > before, 'the names were asked for');
      const { body } = await flood;
      assert.equal(body.images?.length, 100);
    });
  },
);
