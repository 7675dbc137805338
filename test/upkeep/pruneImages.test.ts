import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { CacheContext } from '../../src/context.ts';
import { isoSeconds } from '../../src/store/archive/archiveMetadata.ts';
import { readArchive, touchArchive } from '../../src/store/archive/archives.ts';
import { pruneImages } from '../../src/upkeep/pruneImages.ts';
import { type Rig, runActivities, setLastUsed, startRig } from '../runs/support/rig.ts';

let rig: Rig;
before(async () => (rig = await startRig()));
after(() => rig.close());
afterEach(() => {
  rig.registry.misbehave = () => false;
});

describe('prune', () => {
  const NOW = new Date('2026-06-30T12:00:00Z');
  const daysAgo = (days: number): string => isoSeconds(new Date(NOW.getTime() - days * 24 * 3600 * 1000));

  /** Archives on containers of their own, by when each was used last. */
  async function archives(used: Readonly<Record<string, string>>): Promise<CacheContext> {
    const context = await rig.with({ PRUNE_AFTER_DAYS: '30' });
    for (const [name, lastused] of Object.entries(used)) {
      const tag = `prune/${name}:1`;
      rig.registry.push(tag, { layers: [Buffer.from(name)] });
      const blob = await runActivities(context, rig.image(tag));
      await setLastUsed(context, blob, lastused);
    }
    return context;
  }

  const named = (images: readonly { readonly blob: string }[]): string[] =>
    images.map(({ blob }) => /prune\/(\w+)\//.exec(blob)?.[1] ?? blob);

  it('deletes what was not used for PRUNE_AFTER_DAYS, and nothing else', async () => {
    const context = await archives({ old: daysAgo(31), edge: daysAgo(30), fresh: daysAgo(1) });
    await context.storage.images.getBlockBlobClient('foreign.txt').upload('x', 1);
    const report = await pruneImages(context, NOW);
    assert.deepEqual([named(report.deleted), report.kept], [['old'], 2]);
    assert.deepEqual((await pruneImages(context, NOW)).deleted, []);
    assert.equal(await context.storage.images.getBlobClient('foreign.txt').exists(), true);
  });

  it('leaves an image that is used between being listed and being deleted', async (t) => {
    const context = await archives({ used: daysAgo(90), unused: daysAgo(90) });
    const { images } = context.storage;
    const getBlobClient = images.getBlobClient.bind(images);
    t.mock.method(images, 'getBlobClient', (blob: string) => {
      const client = getBlobClient(blob);
      if (!blob.includes('/used/')) return client;
      const remove = client.delete.bind(client);
      client.delete = async (options) => {
        // At the last moment, a node looks it up.
        client.delete = remove;
        const image = (await readArchive(context.storage, blob)) ?? assert.fail();
        await touchArchive(context.storage, image, NOW);
        return remove(options);
      };
      return client;
    });
    const report = await pruneImages(context, NOW);
    assert.deepEqual([named(report.deleted), report.kept], [['unused'], 1]);
  });
});
