import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { PruneView, RunsView, StatisticsView } from '../../../src/api/operatorViews.ts';
import type { CataloguePage } from '../../../src/api/views.ts';
import { parseReference } from '../../../src/image/reference.ts';
import { archiveName } from '../../../src/store/archive/archiveNames.ts';
import { assemblePage } from '../../../src/ui/assemblePage.ts';
import type { LoopbackRegistry } from '../../runs/support/loopbackRegistry.ts';
import { eventually } from '../../support/eventually.ts';
import { assertProblem, type RunningApp, startApp } from '../support/app.ts';

let app: RunningApp;
let registry: LoopbackRegistry;
before(async () => {
  app = await startApp();
  registry = app.registries[0] ?? assert.fail();
});
after(() => app.close());

const image = (tag: string): string => `${registry.host}/${tag}`;
const runs = async (query = {}): Promise<RunsView['images']> =>
  ((await app.get('/api/runs', query)).body as unknown as RunsView).images;
const prune = async (query: string): Promise<PruneView> =>
  (await (await fetch(`${app.url}/api/prune${query}`, { method: 'POST' })).json()) as PruneView;

describe('the list of runs', () => {
  it('has what is on its way and what failed, until it is cached', async () => {
    registry.push('team/denied:1', { layers: [randomBytes(1000)] });
    registry.push('team/waits:1', { layers: [randomBytes(1000)] });
    registry.misbehave = (request, response) => {
      if (request.url.includes('/team/denied/blobs/')) response.writeHead(403).end();
      else if (request.method === 'GET' && request.url.includes('/team/waits/'))
        response.writeHead(503, { 'retry-after': '600' }).end();
      else return false;
      return true;
    };
    assert.deepEqual(await runs(), []);
    await app.post({ image: image('team/denied:1') });
    const failed = await eventually('it failed', async () => (await runs({ state: 'failed' }))[0]);
    assert.deepEqual([failed.state, failed.error?.code], ['failed', 'registry_denied']);
    // What trying again means: the tag, whatever it stands for by then.
    assert.equal(failed.requested, image('team/denied:1'));
    assert.match(failed.startedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.ok(failed.updatedAt >= failed.startedAt);

    await app.post({ image: image('team/waits:1') });
    const waiting = await eventually('it waits', async () =>
      (await runs({ state: 'pending' })).find(({ progress }) => progress?.waiting !== undefined),
    );
    assert.equal(waiting.requested, image('team/waits:1'));
    assert.deepEqual(
      (await runs()).map(({ state }) => state),
      ['pending', 'failed'],
    );
    registry.misbehave = () => false;
    await app.post({ image: failed.requested, platform: failed.platform });
    await app.ready(image('team/denied:1'));
    assert.deepEqual(await runs({ state: 'failed' }), []);
  });

  it('refuses what it does not know', async () => {
    assertProblem(
      await app.get('/api/runs', { state: 'ready' }),
      400,
      'invalid_request',
      /pending or failed/,
    );
    assertProblem(await app.get('/api/runs', { limit: '201' }), 400, 'invalid_request', /1 to 200/);
  });
});

describe('prune over HTTP', () => {
  it('tells what it would delete and why, then deletes it', async () => {
    const { digest } = registry.push('team/old:1', { layers: [randomBytes(1000)] });
    await app.post({ image: image('team/old:1') });
    await app.ready(image('team/old:1'));
    const blob = archiveName(parseReference(image('team/old:1')), digest);
    const client = app.storage.images.getBlobClient(blob);
    const { metadata } = await client.getProperties();
    await client.setMetadata({ ...metadata, lastused: '2026-01-01T00:00:00Z' });

    const { images } = (await app.get('/api/images', { prefix: blob })).body as unknown as CataloguePage;
    assert.equal(images[0]?.pruneAfter, '2026-01-31T00:00:00Z');
    const plan = await prune('?dryRun=true');
    assert.deepEqual([plan.dryRun, plan.pruned.length, plan.bytes], [true, 1, images[0].size]);
    assert.deepEqual(
      { ...plan.pruned[0], reason: '' },
      { blob, image: images[0].image, size: images[0].size, lastUsed: '2026-01-01T00:00:00Z', reason: '' },
    );
    assert.match(plan.pruned[0]?.reason ?? '', /30 days of PRUNE_AFTER_DAYS/);
    assert.equal(await client.exists(), true);
    assert.deepEqual({ ...(await prune('')), dryRun: true }, plan);
    assert.equal(await client.exists(), false);
    assert.deepEqual((await prune('?dryRun=false')).pruned, []);
  });

  it('does nothing for a word that it does not know', async () => {
    const answer = await fetch(`${app.url}/api/prune?dryRun=yes`, { method: 'POST' });
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /true or false/);
  });

  for (const [what, query, body, says] of [
    ['a rehearsal that an unset variable was to ask for', '?dryRun=', '', /dryRun is ""; it must be true/],
    ['a rehearsal in the body', '', '{"dryRun": true}', /body is not read.*\?dryRun=true/],
    ['what it does not know', '?dryRun=true', 'dryRun=true', /body is not read/],
  ] as const) {
    it(`does nothing for ${what}`, async () => {
      assertProblem(
        await app.send(`/api/prune${query}`, { method: 'POST', ...(body !== '' && { body }) }),
        400,
        'invalid_request',
        says,
      );
    });
  }

  it('takes the empty body that some programs always send', async () => {
    const answer = await app.send('/api/prune?dryRun=true', { method: 'POST', body: '{}' });
    assert.equal(answer.status, 200);
  });
});

describe('statistics over HTTP', () => {
  it('count lookups by how they end', async () => {
    registry.push('team/counted:1', { layers: [randomBytes(1000)] });
    await app.post({ image: image('team/counted:1') });
    await app.ready(image('team/counted:1'));
    await app.get('/api/lookup', { image: image('team/counted:1') });
    await app.get('/api/lookup', { image: image('team/nobody-knows:1') });
    const { series, now } = (await app.get('/api/statistics', { days: '1' }))
      .body as unknown as StatisticsView;
    const { hits = 0, misses = 0 } = series.at(-1) ?? {};
    assert.ok(hits >= 1 && misses >= 1, JSON.stringify(series));
    assert.ok(now.images >= 1 && now.bytes > 0);
    assertProblem(await app.get('/api/statistics', { days: '91' }), 400, 'invalid_request', /1 to 90/);
  });
});

describe("the operator's page", () => {
  it('is one text for anybody, allowed nothing but itself and the service, and asked for again at no cost', async () => {
    const answer = await fetch(`${app.url}/api/ui`);
    const page = assemblePage();
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), page.html);
    assert.equal(answer.headers.get('content-security-policy'), page.contentSecurityPolicy);
    assert.match(
      page.contentSecurityPolicy,
      /^default-src 'none'; script-src 'sha256-[^ ]+'; style-src 'sha256-[^ ]+';/,
    );
    assert.doesNotMatch(page.contentSecurityPolicy, /unsafe|\*|https?:/);
    assert.equal(answer.headers.get('cache-control'), 'no-cache');
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    const etag = answer.headers.get('etag') ?? '';
    const again = await fetch(`${app.url}/api/ui`, { headers: { 'if-none-match': `"other", W/${etag}` } });
    assert.deepEqual([again.status, await again.text()], [304, '']);
    // Nothing in it names another host, but for the names of XML.
    const hosts = [...page.html.matchAll(/https?:\/\/([\w.-]+)/g)].map(([, host]) => host);
    assert.deepEqual(new Set(hosts), new Set(['www.w3.org']));
  });
});
