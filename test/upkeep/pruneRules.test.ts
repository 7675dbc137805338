import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNamePattern } from '../../src/image/namePattern.ts';
import type { CachedImage } from '../../src/store/archive/archives.ts';
import { pruneAfter, type PruneRules, standingOf } from '../../src/upkeep/pruneRules.ts';
import { UsageHistogram } from '../../src/upkeep/usageHistogram.ts';
import { METADATA } from '../store/support/storage.ts';

const USED = '2026-06-01T10:00:00Z';
const RULES: PruneRules = {
  pruneAfterDays: 30,
  pruneKeep: [],
  maxCacheBytes: undefined,
  lastUsedResolutionSeconds: 60,
  lookupUrlMinutes: 120,
};

const image = (more: Partial<CachedImage> = {}): CachedImage => ({
  ...METADATA,
  ...{ blob: 'b', etag: '"e"', size: 1, metadata: {}, lastUsed: USED },
  ...more,
});

describe('what becomes of an image', () => {
  it('is that it goes so many days after it was used last', () => {
    assert.equal(pruneAfter(image(), RULES), '2026-07-01T10:00:00Z');
    assert.equal(pruneAfter(image(), { ...RULES, pruneAfterDays: 0.5 }), '2026-06-01T22:00:00Z');
    assert.equal(standingOf(image(), RULES, new Date('2026-07-01T10:00:00.999Z')), 'spare');
    const standing = standingOf(image(), RULES, new Date('2026-07-01T10:00:01Z'));
    assert.match(
      typeof standing === 'object' ? standing.due : standing,
      /2026-06-01T10:00:00Z.*30 days of PRUNE_AFTER_DAYS/,
    );
  });

  it('is that it stays while a URL may be in use, however short images are kept', () => {
    // 120 minutes of the URL, the minute of the stamp, and five of clocks.
    const rules = { ...RULES, pruneAfterDays: 0 };
    assert.equal(standingOf(image(), rules, new Date('2026-06-01T12:06:00Z')), 'in use');
    assert.equal(typeof standingOf(image(), rules, new Date('2026-06-01T12:06:01Z')), 'object');
    assert.equal(pruneAfter(image(), rules), '2026-06-01T12:06:00Z');
  });

  for (const [pattern, keeps] of Object.entries({
    sample: true,
    'docker.io/library/sample': true,
    'library/*': true,
    '*': true,
    '*/sample': true,
    'sample:1': true,
    'sample:*': true,
    'sam*': true,
    [`sample@${METADATA.manifestDigest}`]: true,
    'sample:2': false,
    sampl: false,
    'sample/x': false,
    'ghcr.io/library/sample': false,
    'ghcr.io/*': false,
    'team/*': false,
    'other/sample': false,
  }))
    it(`is that PRUNE_KEEP=${pattern} ${keeps ? 'keeps it' : 'does not keep it'}`, () => {
      const rules = { ...RULES, pruneKeep: [parseNamePattern(pattern)] };
      assert.equal(standingOf(image(), rules, new Date('2030-01-01')) === 'kept', keeps);
      assert.equal(pruneAfter(image(), rules) === undefined, keeps);
    });

  it('follows from the names that an archive has of its own, too', () => {
    const adopted = { adopted: { tags: ['lts'] } } as unknown as CachedImage;
    const rules = { ...RULES, pruneKeep: [parseNamePattern('sample:lts')] };
    assert.equal(standingOf(image(adopted), rules, new Date('2030-01-01')), 'kept');
  });

  it('is not decided by what is no name', () => {
    for (const text of ['team/Tool*', 'https://x/y', 'a b', 'x:', 'x@', 'x:a/b:', '-x'])
      assert.throws(() => parseNamePattern(text), text);
    for (const text of ['ghcr.io/a.b/c:1.0', 'a.b/c*'])
      assert.doesNotMatch('ghcr.io/aXb/c:1X0', parseNamePattern(text).expression);
  });
});

describe('the least recently used', () => {
  const at = (second: number): string => new Date(second * 1000).toISOString();

  it('are told to the second', () => {
    const histogram = new UsageHistogram();
    for (const second of [5, 3, 9, 3]) histogram.add(at(second), 10);
    assert.deepEqual(histogram.cutToFree(20), { slot: 3, bytes: 20 });
    assert.deepEqual(histogram.cutToFree(21), { slot: 5, bytes: 1 });
    assert.deepEqual(histogram.cutToFree(41), { slot: Infinity, bytes: 1 });
  });

  it('are told in a memory of a fixed size, and no byte is lost', () => {
    const histogram = new UsageHistogram();
    const count = 50_000;
    for (let second = 0; second < count; second++) histogram.add(at(1_700_000_000 + second * 61), 1);
    const { slot, bytes } = histogram.cutToFree(count / 2);
    const middle = histogram.slotOf(at(1_700_000_000 + (count / 2) * 61));
    assert.ok(Math.abs(slot - middle) <= 1, `${slot} ${middle}`);
    assert.ok(bytes > 0);
    assert.deepEqual(histogram.cutToFree(count + 1), { slot: Infinity, bytes: 1 });
  });
});
