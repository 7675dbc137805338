import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { CacheError } from '../../../src/errors.ts';
import { Fault } from '../../../src/registry/traffic/fault.ts';
import { HostLine, type Place } from '../../../src/registry/traffic/hostLine.ts';
import { DEFAULT_TIMING } from '../../../src/registry/traffic/timing.ts';

const SOON = { ...DEFAULT_TIMING, doubtMs: 20, lineMs: 100 };
const line = (connections: number, timing = SOON): HostLine => new HostLine('host', connections, timing);

/** Enters so often, and gives those that got in. */
async function enter(to: HostLine, count: number): Promise<{ in: Place[]; all: Promise<unknown>[] }> {
  const places: Place[] = [];
  const all = Array.from({ length: count }, () =>
    to.enter(undefined).then(
      (place) => places.push(place),
      (error: unknown) => error,
    ),
  );
  await turn();
  return { in: places, all };
}

describe('the line at a host', () => {
  it('lets in few that have no answer, one more with each answer, and no more than there are connections', async () => {
    const to = line(6, DEFAULT_TIMING);
    const first = await enter(to, 20);
    assert.equal(first.in.length, 4);
    first.in[0]?.answered();
    await turn();
    // One of them is answered, so that five may wait for an answer; but six connections are all.
    assert.equal(first.in.length, 6);
    for (const place of [...first.in]) place.answered();
    await turn();
    assert.equal(first.in.length, 6);
    first.in[0]?.leave();
    first.in[0]?.leave();
    await turn();
    assert.equal(first.in.length, 7);
    // Those who get in on the way leave as well.
    for (const place of first.in) {
      place.answered();
      place.leave();
      await turn();
    }
    assert.equal(first.in.length, 20);
  });

  it('sends away whoever would wait for a host that does not answer', async () => {
    const { in: places, all } = await enter(line(16), 30);
    const ends = await Promise.all(all);
    assert.equal(places.length, 4);
    const sent = ends.filter((end) => end instanceof Fault);
    assert.equal(sent.length, 26);
    assert.ok(sent.every(({ retryAfterMs = 0 }) => retryAfterMs > DEFAULT_TIMING.longestWaitMs));
  });

  it('sends away whoever has waited long for connections that are all in use', async () => {
    const to = line(2);
    const { in: places } = await enter(to, 2);
    for (const place of places) place.answered();
    await assert.rejects(to.enter(undefined), (error) => {
      assert.ok(error instanceof CacheError);
      assert.equal(error.code, 'registry_throttled');
      assert.match(error.message, /connections.*host/);
      return true;
    });
  });

  it('sends everybody away when the host turns out to be down, and tries one at a time', async () => {
    const to = line(16, DEFAULT_TIMING);
    const { in: places, all } = await enter(to, 8);
    const down = new Fault('nobody is there');
    to.clear(down);
    for (const place of places) place.leave();
    assert.equal((await Promise.all(all)).filter((end) => end === down).length, 4);
    assert.equal((await enter(to, 3)).in.length, 1);
  });

  it('lets a caller go whose time is over', async () => {
    const to = line(1, DEFAULT_TIMING);
    await to.enter(undefined);
    const controller = new AbortController();
    const waiting = to.enter(controller.signal);
    controller.abort(new Error('no time left'));
    await assert.rejects(waiting, /no time left/);
  });
});
