import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { parseReference } from '../../../src/image/reference.ts';
import { runId } from '../../../src/runs/messages.ts';
import { AMD64, type LoopbackRegistry } from '../../runs/support/loopbackRegistry.ts';
import { eventually } from '../../support/eventually.ts';
import { type Answered, type RunningApp, startApp } from '../support/app.ts';

let app: RunningApp;
before(async () => (app = await startApp(2)));
after(() => app.close());

/** An event of a history, with the function that it is about. */
function nameOf({ EventType, FunctionName }: Answered['body']): string {
  return [EventType, FunctionName].filter((part) => typeof part === 'string').join(' ');
}

/** The history of the run for a tag whose digest the registry never told. */
async function history(
  name: string,
): Promise<{ readonly events: Answered['body'][]; readonly status: string }> {
  const id = runId(parseReference(name), AMD64);
  const { body } = await app.get(`/runtime/webhooks/durabletask/instances/${id}`, { showHistory: 'true' });
  return { events: body.historyEvents as Answered['body'][], status: String(body.runtimeStatus) };
}

describe('a registry that throttles', { concurrency: true }, () => {
  /** Answers the first `times` requests for any manifest with 429. */
  function throttle(target: LoopbackRegistry, times: number, retryAfter: string): void {
    let left = times;
    target.misbehave = (request, response) => {
      if (!request.url.includes('/manifests/') || left-- <= 0) return false;
      response.writeHead(429, { 'retry-after': retryAfter }).end();
      return true;
    };
  }

  it('for 45 s is waited for with a timer of 45 s, while no activity runs', async () => {
    const target = app.registries[0] ?? assert.fail();
    throttle(target, Infinity, '45');
    const name = `${target.host}/team/throttled:1`;
    const asked = await app.post({ image: name });
    assert.equal(asked.status, 202, asked.text);
    const { progress } = await app.until(
      name,
      (body) => (body.progress as { waiting?: object } | undefined)?.waiting !== undefined,
    );
    const { phase, waiting } = progress as {
      phase: string;
      waiting: { code: string; detail: string; until: string };
    };
    assert.equal(phase, 'waiting');
    assert.equal(waiting.code, 'registry_throttled');

    const { events, status } = await history(name);
    assert.equal(status, 'Running');
    assert.deepEqual(events.map(nameOf), [
      'ExecutionStarted cacheImage',
      'TaskCompleted resolveImage',
      'TimerCreated',
    ]);
    const [, failed, timer] = events;
    const seconds = (Date.parse(String(timer?.FireAt)) - Date.parse(String(failed?.Timestamp))) / 1000;
    assert.ok(seconds > 43 && seconds < 46, `${seconds} s`);
    assert.equal(Date.parse(waiting.until), Date.parse(String(timer?.FireAt)));

    // The activity has ended, the registry is left alone, and nothing else is under way.
    const ran = app.observations.filter(({ request }) => JSON.stringify(request).includes(target.host));
    const activities = ran.filter(({ functionName }) =>
      /resolveImage|copyBlocks|commitArchive/.test(functionName),
    );
    assert.deepEqual(
      activities.map(({ functionName }) => functionName),
      ['resolveImage'],
    );
    // A second request joins, and does not make it ask again.
    const requests = target.seen.length;
    assert.equal((await app.post({ image: name })).status, 202);
    assert.equal(target.seen.length, requests);
  });

  it('is asked again when the timer fires, and the image arrives', async () => {
    const target = app.registries[1] ?? assert.fail();
    // More than a worker waits by itself: the timer has to.
    throttle(target, 1, '6');
    const name = `${target.host}/team/later:1`;
    target.push('team/later:1', { layers: [randomBytes(100)] });
    assert.equal((await app.post({ image: name })).status, 202);
    await app.ready(name);
    // The archive is there a moment before the run has ended.
    const { events, status } = await eventually('the run has ended', async () => {
      const now = await history(name);
      return now.status !== 'Running' && now;
    });
    assert.equal(status, 'Completed');
    assert.deepEqual(events.map(nameOf), [
      'ExecutionStarted cacheImage',
      'TaskCompleted resolveImage',
      'TimerCreated',
      'TimerFired',
      'TaskCompleted resolveImage',
      'TaskCompleted copyBlocks',
      'TaskCompleted commitArchive',
      'ExecutionCompleted',
    ]);
  });
});

it('nothing secret went into a log line or a history', async () => {
  const { text } = await app.get('/runtime/webhooks/durabletask/instances', {
    showInput: 'true',
    showHistory: 'true',
    showHistoryOutput: 'true',
  });
  assert.match(text, /team\/later:1/);
  assert.doesNotMatch(text + app.log.join('\n'), /AccountKey|Eby8vdM02|sig=/);
});
