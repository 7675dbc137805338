import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ARM64, type LoopbackRegistry } from '../../../runs/support/loopbackRegistry.ts';
import { assertClean, assertProblem, type RunningApp, startApp } from '../../support/app.ts';

let app: RunningApp;
let registry: LoopbackRegistry;
before(async () => {
  app = await startApp();
  registry = app.registries[0] ?? assert.fail();
});
after(() => app.close());

const image = (tag: string): string => `${registry.host}/${tag}`;

describe('asking for images', () => {
  it('is 202 with the place to look, then 200', async () => {
    const { digest } = registry.push('team/one:1', { layers: [randomBytes(1000)] });
    const asked = await app.post({ image: image('team/one:1') });
    assert.equal(asked.status, 202);
    assert.equal(asked.body.state, 'pending');
    const location = asked.headers.get('location') ?? '';
    assert.match(location, /^\/api\/images\?image=.*&platform=linux%2Famd64$/);
    await app.ready(image('team/one:1'));
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
    await app.ready(image('team/lines:1'));
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
    await app.ready(image('team/two:1'));
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
    await app.ready(image('team/burst:1'));
    const pulls = registry.asked('GET', 'blobs').filter((name) => name === layers[0]?.digest);
    assert.equal(pulls.length, 1);
  });

  it('for a platform that it is not for ends as failed, and a lookup says why', async () => {
    registry.push('team/arm:1', { platform: ARM64 });
    await app.post({ image: image('team/arm:1') });
    const { error } = await app.until(image('team/arm:1'), ({ state }) => state === 'failed');
    assert.equal((error as { code: string }).code, 'unsupported_image');
    const lookup = await app.get('/api/lookup', { image: image('team/arm:1') });
    assertProblem(lookup, 424, 'image_cache_failed', /it is for linux\/arm64/);
  });
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

  for (const [what, query, says] of [
    ['a prefix with a control character', { prefix: 'a\0b' }, /prefix has a control character/],
    ['a continuation with one', { continuation: '\n' }, /not one that this service gave out/],
    ['an image without a name', { image: '' }, /The query has no image/],
    ['what belongs to the state of an image', { format: 'json' }, /"format" is not known/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      assertProblem(await app.get('/api/images', query), 400, 'invalid_request', says);
    });
  }

  it('refuses a limit that is none', async () => {
    for (const limit of ['0', '1001', 'x', '1.5'])
      assertProblem(await app.get('/api/images', { limit }), 400, 'invalid_request', /limit is/);
  });
});

describe('removing an image', () => {
  it('does nothing where its platform is written into a body', async () => {
    const url = `/api/images?${new URLSearchParams({ image: image('team/one:1') }).toString()}`;
    const body = '{"platform": "linux/arm64"}';
    const answer = await app.send(url, { method: 'DELETE', body });
    assertProblem(answer, 400, 'invalid_request', /body is not read by this call\. .*in the query/);
    await app.ready(image('team/one:1'));
  });
});
