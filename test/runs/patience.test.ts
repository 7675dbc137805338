import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Patience, worstOf } from '../../src/runs/patience.ts';
import { CacheError, type ErrorCode, type Failure } from '../../src/errors.ts';

function failure(code: ErrorCode, retryAfterSeconds?: number): Failure {
  const more = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  return new CacheError(code, 'why', more).toFailure();
}

/** Waits for the same failure again and again, until patience ends or `most` is reached. */
function waits(patience: Patience, given: Failure, most = 1000): number[] {
  const seconds: number[] = [];
  while (seconds.length < most) {
    const wait = patience.waitFor(given);
    if (wait === undefined) break;
    seconds.push(wait);
  }
  return seconds;
}

const total = (seconds: readonly number[]): number => seconds.reduce((sum, wait) => sum + wait, 0);

describe('patience', () => {
  for (const code of ['unsupported_image', 'image_not_found', 'internal_error'] as const) {
    it(`has none with ${code}`, () => {
      assert.equal(new Patience(7).waitFor(failure(code)), undefined);
    });
  }

  it('has a second reading of a corrupt layer, once in a run', () => {
    const patience = new Patience(7);
    assert.deepEqual(waits(patience, failure('digest_mismatch')), [5]);
    patience.progressed();
    assert.deepEqual(waits(patience, failure('digest_mismatch')), []);
  });

  it('waits as long as it is asked to, and doubles where that is too short', () => {
    assert.deepEqual(waits(new Patience(7), failure('registry_throttled', 45), 6), [45, 45, 45, 45, 80, 160]);
    assert.deepEqual(
      waits(new Patience(7), failure('registry_throttled', 1), 8),
      [5, 10, 20, 40, 80, 160, 300, 300],
    );
  });

  it('waits an hour at once where a registry says so', () => {
    assert.equal(new Patience(7).waitFor(failure('registry_throttled', 3600)), 3600);
  });

  it('gives a throttled registry the operator’s hours, in all', () => {
    const seconds = waits(new Patience(1), failure('registry_throttled', 600));
    assert.deepEqual(seconds, [600, 600, 600, 600, 600, 600]);
    assert.deepEqual(waits(new Patience(0), failure('registry_throttled', 1)), []);
    assert.deepEqual(waits(new Patience(0.5), failure('registry_throttled', 900)), [900, 900]);
  });

  it('counts what was waited for a throttled registry on, whatever went well in between', () => {
    const patience = new Patience(1);
    assert.equal(patience.waitFor(failure('registry_throttled', 2000)), 2000);
    patience.progressed();
    assert.equal(patience.waitFor(failure('registry_throttled', 2000)), undefined);
  });

  for (const code of ['registry_unavailable', 'storage_unavailable'] as const) {
    it(`gives up on ${code} after half an hour`, () => {
      const seconds = waits(new Patience(7), failure(code));
      assert.deepEqual(seconds.slice(0, 5), [10, 10, 20, 40, 80]);
      assert.ok(total(seconds) > 25 * 60 && total(seconds) <= 30 * 60, `${total(seconds)} s`);
    });
  }

  it('starts anew for what is down once something went well', () => {
    const patience = new Patience(7);
    waits(patience, failure('storage_unavailable'));
    patience.progressed();
    assert.equal(patience.waitFor(failure('storage_unavailable')), 10);
  });

  it('counts the time that tries took: what hangs is given up after half an hour as well', () => {
    const patience = new Patience(7);
    const given = failure('registry_unavailable');
    assert.equal(patience.waitFor(given, 600), 10);
    assert.equal(patience.waitFor(given, 600), 10);
    assert.equal(patience.waitFor(given, 600), undefined);
  });

  it('says when to ask again where it gave up on what may pass, and nothing of the kind elsewhere', () => {
    const patience = new Patience(7);
    const given = failure('registry_unavailable', 12);
    const tries = waits(patience, given).length + 1;
    assert.deepEqual(patience.gaveUp(given), {
      ...given,
      detail: `why It was given up after ${tries} tries; ask for the image again in 5 minutes.`,
      retryAfterSeconds: 300,
    });
    assert.match(patience.gaveUp(failure('registry_throttled', 3 * 3600)).detail, /again in 3 hours\.$/);
    const final = failure('image_not_found');
    assert.equal(patience.gaveUp(final), final);
  });
});

describe('of several failures', () => {
  it('the final one decides, else the one with the longest wait', () => {
    const [short, long] = [failure('registry_throttled', 5), failure('registry_throttled', 50)];
    const final = failure('registry_denied');
    assert.equal(worstOf([short, long]), long);
    assert.equal(worstOf([short, long, final]), final);
    assert.equal(worstOf([]), undefined);
  });
});
