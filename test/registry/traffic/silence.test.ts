import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { SilenceWatch } from '../../../src/registry/traffic/silence.ts';
import { DEFAULT_TIMING } from '../../../src/registry/traffic/timing.ts';

const HOUR_MS = 3_600_000;

describe('watching requests for their answers', () => {
  it('ends one at its deadline, and none that was answered', async () => {
    const watch = new SilenceWatch({ ...DEFAULT_TIMING, silentMs: HOUR_MS });
    const answered = watch.watch('host', 10, undefined);
    answered.end();
    const mute = watch.watch('host', 20, undefined);
    await once(mute.signal, 'abort');
    assert.match(String(mute.signal.reason), /did not answer within 0\.02 s/);
    mute.end();
    assert.equal(answered.signal.aborted, false);
  });

  it('cuts those of the host that has most, where too many are silent', async () => {
    const watch = new SilenceWatch({ ...DEFAULT_TIMING, silentMs: 1 });
    const slow = watch.watch('slow', HOUR_MS, undefined);
    const mute = Array.from({ length: 30 }, () => watch.watch('mute', HOUR_MS, undefined));
    await once(mute[14]?.signal ?? assert.fail(), 'abort');
    assert.deepEqual(
      mute.map(({ signal }) => signal.aborted),
      [...Array<boolean>(15).fill(true), ...Array<boolean>(15).fill(false)],
    );
    assert.equal(slow.signal.aborted, false);
    for (const one of [slow, ...mute]) one.end();
  });

  it('ends with the caller', () => {
    const watch = new SilenceWatch(DEFAULT_TIMING);
    const controller = new AbortController();
    const watched = watch.watch('host', HOUR_MS, controller.signal);
    controller.abort(new Error('no time left'));
    assert.match(String(watched.signal.reason), /no time left/);
    watched.end();
  });
});
