import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { LoopbackRegistry } from '../../../runs/support/loopbackRegistry.ts';
import { assertProblem, type RunningApp, startApp } from '../../support/app.ts';

let app: RunningApp;
let registry: LoopbackRegistry;
before(async () => {
  app = await startApp();
  registry = app.registries[0] ?? assert.fail();
});
after(() => app.close());

const image = (tag: string): string => `${registry.host}/${tag}`;

describe('looking images up', () => {
  it('gives everything that a node needs, as JSON and as lines', async () => {
    registry.push('team/lookup:1', { layers: [randomBytes(5000)] });
    await app.post({ image: image('team/lookup:1') });
    await app.ready(image('team/lookup:1'));
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
    const arm64 = await app.get('/api/lookup', { ...query, platform: 'arm64' });
    // What it says to send makes this lookup succeed, and not another platform's.
    assertProblem(
      arm64,
      404,
      'image_not_cached',
      /POST \/api\/images \{"image":"[^"]*never:1","platform":"linux\/arm64"\}/,
    );
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
