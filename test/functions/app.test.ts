import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { runId } from '../../src/cache/runs.ts';
import { parseReference } from '../../src/image/reference.ts';
import { AMD64, ARM64, type LoopbackRegistry } from '../cache/support/registry.ts';
import { type Answered, type RunningApp, startApp } from './support/app.ts';

let app: RunningApp;
let registry: LoopbackRegistry;
before(async () => {
  app = await startApp(3);
  registry = app.registries[0] ?? assert.fail();
});
after(() => app.close());

const image = (tag: string, at = registry): string => `${at.host}/${tag}`;

/** Polls until the image is as wanted. */
async function until(name: string, wanted: (body: Answered['body']) => boolean): Promise<Answered['body']> {
  for (;;) {
    const { status, body, text } = await app.get('/api/images', { image: name });
    assert.equal(status, 200, text);
    if (wanted(body)) return body;
    assert.equal(body.state, 'pending', text);
    await sleep(50);
  }
}

const ready = (name: string): Promise<Answered['body']> => until(name, ({ state }) => state === 'ready');

/** No secret, no stack, nothing of the machine. */
function assertClean({ text }: Answered): void {
  assert.doesNotMatch(text, /AccountKey|sig=|Bearer |node_modules|\.ts:\d|\n\s+at /);
}

function assertProblem(answer: Answered, status: number, code: string, detail: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get('content-type')?.split(';')[0], 'application/problem+json');
  assert.equal(answer.body.code, code);
  assert.match(String(answer.body.detail), detail);
  assertClean(answer);
}

describe('asking for images', () => {
  it('is 202 with the place to look, then 200', async () => {
    const { digest } = registry.push('team/one:1', { layers: [randomBytes(1000)] });
    const asked = await app.post({ image: image('team/one:1') });
    assert.equal(asked.status, 202);
    assert.equal(asked.body.state, 'pending');
    const location = asked.headers.get('location') ?? '';
    assert.match(location, /^\/api\/images\?image=.*&platform=linux%2Famd64$/);
    await ready(image('team/one:1'));
    const [path = '', search = ''] = location.split('?');
    const seen = await app.get(path, Object.fromEntries(new URLSearchParams(search)));
    assert.deepEqual([seen.body.state, seen.body.manifestDigest], ['ready', digest]);
    const again = await app.post({ image: image('team/one:1') });
    assert.deepEqual([again.status, again.body.state], [200, 'ready']);
  });

  const bodies: readonly (readonly [what: string, body: string, detail: RegExp])[] = [
    ['nothing', '', /not JSON/],
    ['garbage', '{"image": ', /not JSON/],
    ['1 MB of garbage', randomBytes(512 * 1024).toString('hex'), /larger than 262144 bytes/],
    ['a string', '"ubuntu"', /not a JSON object/],
    ['a list', '["ubuntu"]', /not a JSON object/],
    ['null', 'null', /not a JSON object/],
    ['an empty object', '{}', /neither an image nor a list/],
    ['an image that is no string', '{"image": 7}', /image is not a string/],
    ['an image and images', '{"image": "a", "images": ["b"]}', /Both image and images/],
    ['an empty list', '{"images": []}', /neither an image nor a list/],
    ['images that are no list', '{"images": "ubuntu"}', /neither an image nor a list/],
    ['a list with a number', '{"images": ["ubuntu", 7]}', /not a string/],
    ['101 images', JSON.stringify({ images: Array.from({ length: 101 }, () => 'a') }), /More than 100/],
    ['a platform that is no string', '{"image": "ubuntu", "platform": {}}', /platform is not a string/],
    ['a platform that is none', '{"image": "ubuntu", "platform": "a/b/c/d"}', /platform "a\/b\/c\/d"/],
  ];
  for (const [what, body, detail] of bodies) {
    it(`with ${what} is refused with a sentence that helps`, async () => {
      assertProblem(await app.post(body), 400, 'invalid_request', detail);
    });
  }

  it('with a malformed reference says what is wrong with it', async () => {
    assertProblem(await app.post({ image: 'Ubuntu:24.04' }), 400, 'invalid_reference', /lower case/);
    assertProblem(await app.post({ image: '' }), 400, 'invalid_reference', /empty/);
  });

  it('that does not exist is 404 at once', async () => {
    const answer = await app.post({ image: image('team/none:1') });
    assertProblem(answer, 404, 'image_not_found', /team\/none:1/);
    assert.equal(answer.body.retryable, false);
  });

  it('in lines for a shell says the same, of what is pending, ready and refused', async () => {
    const env = { format: 'env' };
    const { digest } = registry.push('team/lines:1', { layers: [randomBytes(1000)] });
    const asked = await app.post({ image: image('team/lines:1') }, env);
    assert.equal(asked.status, 202, asked.text);
    assert.match(asked.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(asked.headers.get('location') ?? '', /^\/api\/images\?image=/);
    assert.match(asked.text, /^STATE='pending'$/m);
    await ready(image('team/lines:1'));
    const again = await app.post({ image: image('team/lines:1') }, env);
    assert.equal(again.status, 200);
    assert.match(again.text, new RegExp(`^STATE='ready'$[^]*^MANIFEST_DIGEST='${digest}'$`, 'm'));

    const refusals: readonly (readonly [body: unknown, status: number, code: string, detail: RegExp])[] = [
      [{ image: image('team/none:1') }, 404, 'image_not_found', /team\/none:1/],
      [{ image: 'BAD' }, 400, 'invalid_reference', /BAD/],
      ['{', 400, 'invalid_request', /not JSON/],
      [{ images: [image('team/lines:1')] }, 400, 'invalid_request', /one image, and a list is asked for/],
    ];
    for (const [body, status, code, detail] of refusals) {
      const refused = await app.post(body, env);
      assert.equal(refused.status, status, refused.text);
      assert.match(refused.headers.get('content-type') ?? '', /^text\/plain/);
      assert.match(refused.text, new RegExp(`^STATE='failed'\nERROR_CODE='${code}'$`, 'm'));
      assert.match(refused.text, /^ERROR_RETRYABLE='false'$/m);
      assert.match(/^ERROR_DETAIL='(.*)'$/m.exec(refused.text)?.[1] ?? '', detail);
      assertClean(refused);
    }
  });

  it('in a format that is none is refused', async () => {
    const answer = await app.post({ image: image('team/one:1') }, { format: 'xml' });
    assertProblem(answer, 400, 'invalid_request', /format "xml" is not known/);
  });

  it('good and bad ones together answers each in its place, with the first problem of all', async () => {
    registry.push('team/two:1');
    const images = ['BAD', image('team/one:1'), image('team/none:1'), image('team/two:1')];
    const answer = await app.post({ images });
    assertProblem(answer, 400, 'invalid_reference', /BAD/);
    const views = answer.body.images as { state: string; requested: string; error?: { code: string } }[];
    assert.deepEqual(
      views.map(({ requested }) => requested),
      images,
    );
    assert.deepEqual(
      views.map(({ state, error }) => error?.code ?? state),
      ['invalid_reference', 'ready', 'image_not_found', 'pending'],
    );
    await ready(image('team/two:1'));
    const all = await app.post({ images: [image('team/one:1'), image('team/two:1')] });
    assert.equal(all.status, 200);
    assert.deepEqual(
      (all.body.images as { state: string }[]).map(({ state }) => state),
      ['ready', 'ready'],
    );
  });

  it('at once, fifty times, makes one run and one pull', async () => {
    const { layers } = registry.push('team/burst:1', { layers: [randomBytes(20_000)] });
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => app.post({ image: image('team/burst:1') })),
    );
    for (const { status, text } of answers) assert.ok(status === 202 || status === 200, text);
    await ready(image('team/burst:1'));
    const pulls = registry.asked('GET', 'blobs').filter((name) => name === layers[0]?.digest);
    assert.equal(pulls.length, 1);
  });

  it('for a platform that it is not for ends as failed, and a lookup says why', async () => {
    registry.push('team/arm:1', { platform: ARM64 });
    await app.post({ image: image('team/arm:1') });
    const { error } = await until(image('team/arm:1'), ({ state }) => state === 'failed');
    assert.equal((error as { code: string }).code, 'unsupported_image');
    const lookup = await app.get('/api/lookup', { image: image('team/arm:1') });
    assertProblem(lookup, 424, 'image_cache_failed', /it is for linux\/arm64/);
  });
});

describe('looking images up', () => {
  it('gives everything that a node needs, as JSON and as lines', async () => {
    registry.push('team/lookup:1', { layers: [randomBytes(5000)] });
    await app.post({ image: image('team/lookup:1') });
    await ready(image('team/lookup:1'));
    const { status, body } = await app.get('/api/lookup', { image: image('team/lookup:1') });
    assert.equal(status, 200);
    const archive = await fetch(String(body.url));
    assert.equal((await archive.arrayBuffer()).byteLength, body.size);

    const lines = await app.get('/api/lookup', { image: image('team/lookup:1'), format: 'env' });
    assert.equal(lines.status, 200);
    assert.match(lines.headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(lines.text, /^STATE='ready'$/m);
    assert.match(lines.text, new RegExp(`^RUN_REF='${String(body.runRef)}'$`, 'm'));
    assert.match(lines.text, /^URL='http:\S+'$/m);
  });

  it('that are not cached is 404, as JSON and as lines', async () => {
    const query = { image: image('team/never:1') };
    assertProblem(await app.get('/api/lookup', query), 404, 'image_not_cached', /POST \/api\/images/);
    const lines = await app.get('/api/lookup', { ...query, format: 'env' });
    assert.equal(lines.status, 404);
    assert.match(lines.text, /^ERROR_CODE='image_not_cached'$/m);
  });

  for (const [what, query, detail] of [
    ['no image', {}, /The query has no image/],
    ['an unknown format', { image: 'ubuntu', format: 'xml' }, /format "xml"/],
    ['a wait that is too long', { image: 'ubuntu', wait: '121' }, /wait is "121".*0 to 120/],
    ['a wait that is no number', { image: 'ubuntu', wait: 'x' }, /wait is "x"/],
  ] as const) {
    it(`with ${what} is refused`, async () => {
      assertProblem(await app.get('/api/lookup', query), 400, 'invalid_request', detail);
    });
  }
});

describe('the catalogue', () => {
  it('lists what is cached, page by page', async () => {
    const names: unknown[] = [];
    let continuation: string | undefined;
    do {
      const query = {
        limit: '1',
        prefix: '127.0.0.1',
        ...(continuation !== undefined && { continuation }),
      };
      const { status, body } = await app.get('/api/images', query);
      assert.equal(status, 200);
      names.push(...(body.images as { image: string }[]).map((view) => view.image));
      continuation = body.continuation as string | undefined;
    } while (continuation !== undefined);
    assert.ok(names.some((name) => String(name).startsWith(image('team/one:1@'))));
  });

  it('refuses a limit that is none', async () => {
    for (const limit of ['0', '1001', 'x', '1.5'])
      assertProblem(await app.get('/api/images', { limit }), 400, 'invalid_request', /limit is/);
  });
});

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
    const target = app.registries[1] ?? assert.fail();
    throttle(target, Infinity, '45');
    const name = image('team/throttled:1', target);
    const asked = await app.post({ image: name });
    assert.equal(asked.status, 202, asked.text);
    const { progress } = await until(
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
    const requests = target.seen.length;
    await sleep(500);
    assert.equal(target.seen.length, requests);
    // A second request joins, and does not make it ask again.
    assert.equal((await app.post({ image: name })).status, 202);
    assert.equal(target.seen.length, requests);
  });

  it('is asked again when the timer fires, and the image arrives', async () => {
    const target = app.registries[2] ?? assert.fail();
    // More than a worker waits by itself: the timer has to.
    throttle(target, 1, '6');
    const name = image('team/later:1', target);
    target.push('team/later:1', { layers: [randomBytes(100)] });
    assert.equal((await app.post({ image: name })).status, 202);
    await ready(name);
    const { events, status } = await history(name);
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
