import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CacheError } from '../../src/errors.ts';
import { OpenRuns } from '../../src/service/openRuns.ts';
import { RecordedRuns } from '../runs/support/rig.ts';

const LIMITS = { ofHost: 3, unanswered: 4, all: 10 };
const INPUT = { image: 'x', platform: 'linux/amd64', maxWaitHours: 1 };

describe('the runs under way', () => {
  const begin = async (
    open: OpenRuns,
    runs: RecordedRuns,
    id: string,
    isUnanswered = false,
  ): Promise<void> => {
    const [registry = ''] = id.split('/');
    await open.admit(runs, { id, registry, isUnanswered });
    await runs.start(id, INPUT);
  };
  const refused = (attempt: Promise<void>, detail: RegExp): Promise<void> =>
    assert.rejects(attempt, (error) => {
      assert.ok(error instanceof CacheError);
      assert.equal(error.status, 503);
      assert.ok((error.retryAfterSeconds ?? 0) > 0);
      assert.match(error.message, detail);
      return true;
    });

  it('are so many of a registry, and another registry has room', async () => {
    const [open, runs] = [new OpenRuns(LIMITS), new RecordedRuns()];
    for (const id of ['a/1', 'a/2', 'a/3']) await begin(open, runs, id);
    await refused(begin(open, runs, 'a/4'), /^3 images of a are on their way/);
    await begin(open, runs, 'b/1');
    // One that is under way is joined, whatever the limit.
    await begin(open, runs, 'a/2');
  });

  it('are so many of registries that do not answer, and those that do have room', async () => {
    const [open, runs] = [new OpenRuns(LIMITS), new RecordedRuns()];
    for (const name of ['a', 'b', 'c', 'd']) await begin(open, runs, `${name}/1`, true);
    await refused(begin(open, runs, 'e/1', true), /^e did not answer, and 4 images wait/);
    await begin(open, runs, 'good/1');
  });

  it('are so many in all', async () => {
    const [open, runs] = [new OpenRuns(LIMITS), new RecordedRuns()];
    for (let at = 0; at < 10; at++) await begin(open, runs, `host${at}/1`);
    await refused(begin(open, runs, 'one/more'), /^10 images are on their way/);
  });

  it('make room as they end', async () => {
    const [open, runs] = [new OpenRuns(LIMITS), new RecordedRuns()];
    for (const id of ['a/1', 'a/2', 'a/3']) await begin(open, runs, id);
    runs.states.set('a/2', { state: 'succeeded' });
    await begin(open, runs, 'a/4');
    await refused(begin(open, runs, 'a/5'), /^3 images of a/);
  });

  it('make room in all as others end, also for a registry whose own are still under way', async () => {
    const [open, runs] = [new OpenRuns(LIMITS), new RecordedRuns()];
    await begin(open, runs, 'good/1');
    for (let at = 0; at < 9; at++) {
      await begin(open, runs, `host${at}/1`);
      runs.states.set(`host${at}/1`, { state: 'succeeded' });
    }
    await begin(open, runs, 'good/2');
  });
});
