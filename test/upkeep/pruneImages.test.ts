import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { RestError } from '@azure/storage-blob';
import { isoSeconds } from '../../src/store/archive/archiveMetadata.ts';
import { readArchive, touchArchive } from '../../src/store/archive/archives.ts';
import { pruneImages } from '../../src/upkeep/pruneImages.ts';
import type { PrunedImage, Tally } from '../../src/upkeep/pruneReport.ts';
import { type Rig, runActivities, setLastUsed, startRig, type TestContext } from '../runs/support/rig.ts';

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
  async function archives(
    used: Readonly<Record<string, string>>,
    env: Readonly<Record<string, string>> = {},
  ): Promise<TestContext> {
    const context = await rig.with({ PRUNE_AFTER_DAYS: '30', ...env });
    for (const [name, lastused] of Object.entries(used)) {
      const tag = `prune/${name}:1`;
      rig.registry.push(tag, { layers: [Buffer.from(name)] });
      const blob = await runActivities(context, rig.image(tag));
      await setLastUsed(context, blob, lastused);
    }
    return context;
  }

  /** With a budget of so many of these archives, which are of one size. */
  async function budgeted(context: TestContext, images: number) {
    const [first] = (await pruneImages(context, { now: new Date('2999-01-01'), dryRun: true })).deleted
      .images;
    const maxCacheBytes = (first?.size ?? assert.fail()) * images;
    return { ...context, config: { ...context.config, maxCacheBytes } };
  }

  const named = ({ images }: Tally<PrunedImage>): string[] =>
    images.map(({ blob }) => /prune\/(\w+)\//.exec(blob)?.[1] ?? blob);

  it('deletes what was not used for PRUNE_AFTER_DAYS, and nothing else', async () => {
    const context = await archives({ old: daysAgo(31), edge: daysAgo(30), fresh: daysAgo(1) });
    await context.storage.images.getBlockBlobClient('foreign.txt').upload('x', 1);
    const plan = await pruneImages(context, { now: NOW, dryRun: true });
    const report = await pruneImages(context, { now: NOW });
    assert.deepEqual([named(report.deleted), report.kept], [['old'], 2]);
    assert.deepEqual(JSON.stringify(plan), JSON.stringify(report));
    assert.equal((await pruneImages(context, { now: NOW })).deleted.count, 0);
    assert.equal(await context.storage.images.getBlobClient('foreign.txt').exists(), true);
  });

  it('goes back to MAX_CACHE_BYTES, the least recently used first', async () => {
    const used = { a: daysAgo(3), b: daysAgo(20), c: daysAgo(1), d: daysAgo(10), e: daysAgo(40) };
    const context = await budgeted(await archives(used), 2);
    const plan = await pruneImages(context, { now: NOW, dryRun: true });
    const reasons = new Map(
      plan.deleted.images.map((image) => [/prune\/(\w+)\//.exec(image.blob)?.[1], image.reason]),
    );
    assert.deepEqual([...reasons.keys()].sort(), ['b', 'd', 'e']);
    assert.match(reasons.get('e') ?? '', /PRUNE_AFTER_DAYS/);
    assert.match(reasons.get('b') ?? '', /more than the \d+ bytes of MAX_CACHE_BYTES/);
    const report = await pruneImages(context, { now: NOW });
    assert.deepEqual([named(report.deleted).sort(), report.kept], [['b', 'd', 'e'], 2]);
    assert.equal(report.overBudgetBytes, 0);
    assert.ok(report.keptBytes <= context.config.maxCacheBytes);
  });

  it('frees no more than it has to, also of those that were used at once', async () => {
    const used = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [name, daysAgo(5)]));
    const context = await budgeted(await archives(used), 4);
    const report = await pruneImages(context, { now: NOW });
    assert.deepEqual([report.deleted.count, report.kept], [2, 4]);
  });

  it('says where the budget cannot be kept: what is in use or meant by PRUNE_KEEP stays', async () => {
    const used = {
      inuse: isoSeconds(new Date(NOW.getTime() - 3600_000)),
      meant: daysAgo(400),
      spare: daysAgo(2),
    };
    const context = await budgeted(
      await archives(used, { PRUNE_KEEP: `${rig.image('prune/meant')}, other/*` }),
      0.5,
    );
    const report = await pruneImages(context, { now: NOW });
    assert.deepEqual([named(report.deleted), report.kept], [['spare'], 2]);
    assert.ok(report.overBudgetBytes > 0);
    // A URL of two hours, and some minutes.
    const later = await pruneImages(context, { now: new Date(NOW.getTime() + 2 * 3600_000) });
    assert.deepEqual([named(later.deleted), later.kept], [['inuse'], 1]);
  });

  it('takes a date that cannot be read for the archive’s own', async () => {
    const context = await archives({ broken: 'yesterday', missing: daysAgo(1), far: '9999-01-01T00:00:00Z' });
    for await (const { name } of context.storage.images.listBlobsFlat({
      prefix: `${rig.image('').replace(':', '_')}prune/missing`,
    })) {
      const client = context.storage.images.getBlobClient(name);
      const { metadata = {} } = await client.getProperties();
      await client.setMetadata(
        Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== 'lastused')),
      );
    }
    assert.equal((await pruneImages(context)).deleted.count, 0);
    const later = new Date(Date.now() + 31 * 24 * 3600 * 1000);
    assert.equal((await pruneImages(context, { now: later })).deleted.count, 3);
  });

  it('goes on where a delete fails, and names it', async (t) => {
    const used = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, daysAgo(90)]));
    const context = await archives(used);
    const { images } = context.storage;
    const getBlobClient = images.getBlobClient.bind(images);
    t.mock.method(images, 'getBlobClient', (blob: string) => {
      const client = getBlobClient(blob);
      if (blob.includes('/c/'))
        client.delete = () =>
          Promise.reject(new RestError('no', { statusCode: 403, code: 'AuthorizationFailure' }));
      return client;
    });
    const report = await pruneImages(context, { now: NOW });
    assert.deepEqual(
      [named(report.deleted).sort(), named(report.failed), report.kept],
      [['a', 'b', 'd', 'e'], ['c'], 1],
    );
    assert.match(report.failed.images[0]?.detail ?? '', /refused deleting an image/);
    t.mock.restoreAll();
    assert.deepEqual(named((await pruneImages(context, { now: NOW })).deleted), ['c']);
  });

  it('ends in time, says that it is not all, and goes on the next time', async () => {
    const context = await archives({ a: daysAgo(90), b: daysAgo(90) });
    const late = await pruneImages(context, { now: NOW, deadline: Date.now() - 1 });
    assert.deepEqual([late.complete, late.deleted.count], [false, 0]);
    const report = await pruneImages(context, { now: NOW });
    assert.deepEqual([report.complete, report.deleted.count], [true, 2]);
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
    const report = await pruneImages(context, { now: NOW });
    assert.deepEqual([named(report.deleted), report.kept], [['unused'], 1]);
  });
});
