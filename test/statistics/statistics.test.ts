import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { LookupCounter } from '../../src/statistics/lookupCounter.ts';
import { Statistics } from '../../src/statistics/statistics.ts';
import { addToHour, hourOf, type HourStatistics, readDay } from '../../src/store/hints/statistics.ts';
import { ServiceEvents } from '../../src/telemetry/serviceEvents.ts';
import { sweepStatistics } from '../../src/upkeep/sweepStatistics.ts';
import { startTestStorage, type TestStorage } from '../store/support/storage.ts';
import { eventually } from '../support/eventually.ts';

let server: TestStorage;
before(async () => (server = await startTestStorage()));
after(() => server.close());

const NOW = new Date('2026-11-25T14:30:00Z');
const HOUR = '2026-11-25T14:00:00Z';
const LOOKUP = { type: 'lookup', image: 'docker.io/library/x:1', platform: 'linux/amd64' } as const;

describe('statistics in storage', () => {
  it('add up, whoever writes at the same time', async () => {
    const storage = await server.open('adding');
    const writers = Array.from({ length: 3 }, () => addToHour(storage, HOUR, { hits: 2, misses: 1 }));
    const written = (await Promise.all(writers)).filter((isWritten) => isWritten).length;
    await addToHour(storage, HOUR, { bytes: 7, images: 1 });
    const hours = await readDay(storage, '2026-11-25');
    assert.ok(written >= 1);
    assert.deepEqual(hours.get(HOUR), { bytes: 7, images: 1, hits: 2 * written, misses: written });
  });

  it('are read as far as they can be, whatever lies there', async () => {
    const storage = await server.open('mangled');
    const texts = [
      '',
      'garbage',
      '[]',
      `{"${HOUR}": {"hits": -1, "bytes": 1e99, "misses": 3, "x": 1}, "y": {"hits": 1}}`,
    ];
    for (const text of texts) {
      await storage.index.getBlockBlobClient('statistics/2026-11-25.json').upload(text, text.length);
      const hours = [...(await readDay(storage, '2026-11-25'))];
      assert.deepEqual(hours, text.includes('hits') ? [[HOUR, { misses: 3 }]] : []);
      assert.equal(await addToHour(storage, '2026-11-25T15:00:00Z', { hits: 1 }), true);
    }
  });

  it('are swept after ninety days', async () => {
    const storage = await server.open('sweeping');
    for (const hour of ['2026-08-26T00:00:00Z', '2026-08-27T00:00:00Z', HOUR])
      await addToHour(storage, hour, { hits: 1 });
    await sweepStatistics({ storage }, NOW);
    const left: string[] = [];
    for await (const { name } of storage.index.listBlobsFlat()) left.push(name);
    assert.deepEqual(left, ['statistics/2026-08-27.json', 'statistics/2026-11-25.json']);
  });
});

describe('the counter of lookups', () => {
  it('writes what it counted once, and keeps what could not be written', async () => {
    const written: [string, HourStatistics][] = [];
    let isOpen = false;
    const counter = new LookupCounter((hour, counts) => {
      if (isOpen) written.push([hour, counts]);
      return isOpen ? Promise.resolve(true) : Promise.reject(new Error('storage is away'));
    }, 5);
    counter.count('hit', NOW);
    counter.count('hit', NOW);
    counter.count('stale', NOW);
    assert.deepEqual([...counter.uncounted()], [[HOUR, { hits: 2, stale: 1 }]]);
    await eventually('it was tried', async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return counter.uncounted().size === 1;
    });
    isOpen = true;
    await eventually('it is written', () => written.length > 0);
    await eventually('it is written once', () => counter.uncounted().size === 0);
    assert.deepEqual(written, [[HOUR, { hits: 2, stale: 1 }]]);
  });
});

describe('statistics as they are shown', () => {
  it('have the size of now, the past, and what this process has counted but not written', async () => {
    const storage = await server.open('showing');
    await addToHour(storage, '2026-11-20T10:00:00Z', { hits: 5, bytes: 9, images: 1 });
    await addToHour(storage, '2026-11-01T10:00:00Z', { hits: 99 });
    const events = new ServiceEvents();
    const statistics = new Statistics(storage, events);
    events.emit({ ...LOOKUP, outcome: 'miss' });
    const now = new Date();
    const today = await statistics.view(1, now);
    assert.deepEqual(today.now, { images: 0, bytes: 0, measuredAt: `${now.toISOString().slice(0, 19)}Z` });
    assert.deepEqual(today.series, [{ time: hourOf(now), images: 0, bytes: 0, misses: 1 }]);
    const { series } = await new Statistics(storage, new ServiceEvents()).view(10, NOW);
    assert.deepEqual(series[0], { time: '2026-11-20T06:00:00Z', images: 1, bytes: 9, hits: 5 });
    // What was measured is kept, so that there is a curve of it.
    assert.equal((await readDay(storage, hourOf(now).slice(0, 10))).get(hourOf(now))?.images, 0);
  });
});
