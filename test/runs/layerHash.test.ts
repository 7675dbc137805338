import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { savableHash, wholeLayerHash } from '../../src/runs/layerHash.ts';
import type { Digest } from '../../src/image/digest.ts';

/** Bytes, and the places at which they are cut: into segments, and within a segment into chunks. */
const cuts = fc.record({
  bytes: fc.uint8Array({ maxLength: 5000 }),
  segments: fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 5 }),
  chunk: fc.integer({ min: 1, max: 1000 }),
});

for (const algorithm of ['sha256', 'sha512'] as const) {
  const digestOf = (bytes: Uint8Array): Digest =>
    `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;

  describe(`the ${algorithm} of a layer`, () => {
    it('in segments, its state passed on as text, is what node:crypto says of the whole', async () => {
      await fc.assert(
        fc.asyncProperty(cuts, async ({ bytes, segments, chunk }) => {
          const digest = digestOf(bytes);
          const ends = [...segments.map((at) => Math.min(at, bytes.length)), bytes.length];
          let state: string | undefined;
          let from = 0;
          for (const end of ends.toSorted((a, b) => a - b)) {
            const hash = await savableHash(digest, state);
            for (; from < end; from += chunk) hash.update(bytes.subarray(from, Math.min(from + chunk, end)));
            from = end;
            state = hash.save();
          }
          const last = await savableHash(digest, state);
          assert.equal(last.matches(digest), true);
        }),
        { numRuns: 50 },
      );
    });

    it('is not that of other bytes, nor of the same in another order', async () => {
      const digest = digestOf(Buffer.from('ab'));
      for (const [first, second, same] of [
        ['a', 'b', true],
        ['b', 'a', false],
        ['a', 'bc', false],
        ['', 'ab', true],
      ] as const) {
        const start = await savableHash(digest, undefined);
        start.update(Buffer.from(first));
        const rest = await savableHash(digest, start.save());
        rest.update(Buffer.from(second));
        assert.equal(rest.matches(digest), same, first + second);

        const whole = wholeLayerHash(digest);
        whole.update(Buffer.from(first + second));
        assert.equal(whole.matches(digest), same);
      }
    });

    it('of nothing is right, and two at once do not mix', async () => {
      assert.equal(wholeLayerHash(digestOf(Buffer.alloc(0))).matches(digestOf(Buffer.alloc(0))), true);
      const [a, b] = [Buffer.from('one layer'), Buffer.from('another')];
      const [first, second] = await Promise.all([
        savableHash(digestOf(a), undefined),
        savableHash(digestOf(b), undefined),
      ]);
      first.update(a.subarray(0, 3));
      second.update(b.subarray(0, 3));
      first.update(a.subarray(3));
      second.update(b.subarray(3));
      assert.equal(first.matches(digestOf(a)), true);
      assert.equal(second.matches(digestOf(b)), true);
    });
  });
}

it('a hash of a whole layer can not be carried on elsewhere', async () => {
  const digest: Digest = `sha256:${'0'.repeat(64)}`;
  const whole = wholeLayerHash(digest);
  assert.deepEqual([whole.canBeSaved, whole.save()], [false, undefined]);
  assert.equal((await savableHash(digest, undefined)).canBeSaved, true);
});
