import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import type { ImageView } from '../../src/api/views.ts';
import { type RunningApp, startApp } from '../functions/support/app.ts';
import { eventually } from '../support/eventually.ts';
import { launchBrowser, OpenPage, skip } from './support/browser.ts';
import { SOME_IMAGES, storeImages, storeStatistics } from './support/store.ts';

const IMAGES = 10_000;
const DAY_MS = 24 * 3600 * 1000;

describe("the operator's page of a store that is in use", { skip }, () => {
  let app: RunningApp;
  let browser: Browser;
  before(async () => {
    app = await startApp(2);
    await storeImages(app.storage, SOME_IMAGES);
    await storeStatistics(app.storage, 29.8 * 1024 ** 3, SOME_IMAGES.length);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser.close();
    await app.close();
  });

  it('needs no key where the service asks for none', async () => {
    const [whole, throttled] = app.registries;
    assert.ok(whole !== undefined && throttled !== undefined);
    throttled.push('pipelines/annotate:2', { layers: [randomBytes(100)] });
    throttled.misbehave = (request, response) => {
      if (request.method === 'HEAD') return false;
      response.writeHead(429, { 'retry-after': '1800' }).end();
      return true;
    };
    whole.push('pipelines/private:7', { layers: [randomBytes(5000)] });
    whole.misbehave = (request, response) => {
      if (!request.url.includes('/blobs/')) return false;
      response.writeHead(403).end();
      return true;
    };
    await app.post({ image: `${throttled.host}/pipelines/annotate:2` });
    await app.post({ image: `${whole.host}/pipelines/private:7` });
    const opened = await OpenPage.open(browser, app.url);
    await eventually('both are shown', async () => {
      await opened.page.getByRole('button', { name: 'Refresh' }).click();
      return (
        (await opened.text('#failed')).includes('registry_denied') &&
        (await opened.text('#pending')).includes('Waits until')
      );
    });
    assert.equal(await opened.page.getByRole('button', { name: 'Forget key' }).isVisible(), false);
    await opened.inspect('overview');
    await opened.close();
  });

  it(`stays quick with ${IMAGES} images`, async () => {
    const images = Array.from({ length: IMAGES }, (_, at): ImageView => {
      const image = `quay.io/crowd/tool-${at % 500}:1.${at}`;
      const [lastUsed, pruneAfter] = [(at * 31) % 30, 30 + ((at * 31) % 30)].map((days) =>
        new Date(Date.now() - 40 * DAY_MS + days * DAY_MS).toISOString(),
      );
      return {
        ...{ state: 'ready', requested: image, image, platform: 'linux/amd64', blob: String(at) },
        ...{ size: ((at * 7919) % 4000) * 1024 ** 2, lastUsed: lastUsed ?? '', pruneAfter: pruneAfter ?? '' },
      };
    });
    // Pages as the service gives them; to put so many blobs into storage would take minutes.
    const opened = await OpenPage.open(browser, app.url, {}, (page) =>
      page.route('**/api/images?*', (route) => {
        const query = new URL(route.request().url()).searchParams;
        const [from, limit] = [Number(query.get('continuation')), Number(query.get('limit'))];
        const rest = from + limit < IMAGES ? { continuation: String(from + limit) } : {};
        return route.fulfill({ json: { images: images.slice(from, from + limit), ...rest } });
      }),
    );
    const { page } = opened;
    // How long the page answered nothing: the longest task of its one thread.
    await page.evaluate(() => {
      const state = globalThis as unknown as { longest: number };
      state.longest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) state.longest = Math.max(state.longest, duration);
      }).observe({ type: 'longtask', buffered: true });
    });
    await eventually('all are loaded', async () =>
      (await opened.text('#catalogue-count')).startsWith('10,000 images ·'),
    );
    assert.equal(await page.locator('#catalogue tbody tr').count(), 100);
    assert.match(await opened.text('#page-label'), /^Page 1 of 100$/);
    await page.getByRole('button', { name: 'Size', exact: true }).click();
    await page.getByLabel(/^Filter/).pressSequentially('tool-77:');
    await eventually('the filter', async () =>
      (await opened.text('#catalogue-count')).startsWith('20 of 10,000'),
    );
    await page.getByLabel(/^Filter/).fill('');
    await page.getByRole('button', { name: 'Next' }).click();
    assert.match(await opened.text('#page-label'), /^Page 2 of 100$/);
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'catalogue-title');
    const longest = await page.evaluate(() => (globalThis as unknown as { longest: number }).longest);
    console.log(`# the longest task took ${Math.round(longest)} ms`);
    await opened.inspect('ten-thousand');
    await opened.close();
  });
});
