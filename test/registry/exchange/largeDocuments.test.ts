import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CacheError } from '../../../src/errors.ts';
import { LargeDocuments } from '../../../src/registry/exchange/largeDocuments.ts';
import { eventually } from '../../support/eventually.ts';

const MiB = 1024 * 1024;

describe('large documents in hand', () => {
  it('are one, while small ones are without number', async () => {
    const documents = new LargeDocuments();
    const open = (bytes: number): ReturnType<LargeDocuments['open']> => {
      const document = documents.open();
      document.grows(bytes);
      return document;
    };
    const first = open(4 * MiB);
    for (let small = 0; small < 1000; small++) open(10_000);
    const third = documents.open();
    third.grows(100_000);
    assert.throws(
      () => third.grows(300_000),
      (error) => error instanceof CacheError && error.code === 'registry_throttled' && error.retryable,
    );
    third.close();
    first.close();
    // Not before it has been understood.
    assert.throws(() => open(MiB));
    await eventually('there is room', () => {
      try {
        open(MiB);
        return true;
      } catch {
        return false;
      }
    });
    assert.throws(() => open(MiB));
  });
});
