import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CacheError } from '../../../src/errors.ts';
import { LargeDocuments } from '../../../src/registry/traffic/largeDocuments.ts';

const MiB = 1024 * 1024;

describe('large documents in hand', () => {
  it('are one, for which a few wait, while small ones are without number', async () => {
    const documents = new LargeDocuments();
    for (let small = 0; small < 1000; small++) assert.equal(documents.open().grows(10_000), undefined);
    const order: number[] = [];
    const read = async (number: number): Promise<void> => {
      const document = documents.open();
      try {
        assert.equal(document.grows(100_000), undefined);
        await document.grows(MiB);
        // It counts once, however it goes on growing.
        assert.equal(document.grows(4 * MiB), undefined);
        order.push(number);
      } finally {
        document.close();
      }
    };
    const all = Array.from({ length: 12 }, (_, number) => read(number));
    const ends = await Promise.allSettled(all);
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (const end of ends.slice(9)) {
      assert.ok(end.status === 'rejected' && end.reason instanceof CacheError, 'the rest comes back later');
      assert.equal(end.reason.code, 'registry_throttled');
      assert.ok((end.reason.retryAfterSeconds ?? 0) >= 30);
    }
    // Nobody who was sent away is counted.
    await read(12);
    assert.equal(order.at(-1), 12);
  });
});
