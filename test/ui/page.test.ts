import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import type { LoopbackRegistry } from '../runs/support/loopbackRegistry.ts';
import { type RunningApp, startApp } from '../functions/support/app.ts';
import { eventually } from '../support/eventually.ts';
import { launchBrowser, OpenPage, skip } from './support/browser.ts';
import { SOME_IMAGES, storeImages, storeStatistics } from './support/store.ts';

const KEY = 'the-key-of-the-tests';
const MiB = 1024 ** 2;

/** One service, and what an operator sees of it as it goes through its states. */
describe("the operator's page", { skip }, () => {
  let app: RunningApp;
  let registry: LoopbackRegistry;
  let throttled: LoopbackRegistry;
  let browser: Browser;
  let opened: OpenPage;
  let asked: { readonly lookups: number; readonly served: number };
  before(async () => {
    app = await startApp(2, {
      keys: { master: 'the-master-key', function: KEY, system: 'the-system-key' },
    });
    registry = app.registries[0] ?? assert.fail();
    throttled = app.registries[1] ?? assert.fail();
    // Before anything is read: a day that is over is read once.
    asked = await storeStatistics(app.storage, 28e9, SOME_IMAGES.length);
    browser = await launchBrowser();
    opened = await OpenPage.open(browser, app.url);
  });
  after(async () => {
    await browser.close();
    await app.close();
  });

  const image = (tag: string): string => `${registry.host}/${tag}`;
  const shows = (selector: string, text: RegExp, seconds = 25): Promise<unknown> =>
    eventually(
      `${selector} shows ${String(text)}`,
      async () => text.test(await opened.text(selector)),
      seconds,
    );
  const add = async (name: string): Promise<void> => {
    await opened.page.getByLabel('Image', { exact: true }).fill(name);
    await opened.page.getByRole('button', { name: 'Add', exact: true }).click();
  };

  it('asks who it is, and says that a key is wrong', async () => {
    await shows('#sign-in-reason', /wants to know/);
    await opened.inspect('no-key');
    // What no header can carry: kept, it would leave a page that can ask nothing, also after a reload.
    await opened.useKey('gö€d\u200b');
    await shows('#sign-in-reason', /no function key/);
    assert.equal(await opened.page.evaluate(() => sessionStorage.length), 0);
    await opened.useKey('some-other-key');
    await shows('#sign-in-reason', /does not take this key/);
    await opened.inspect('wrong-key');
  });

  it('opens with a key, which is in no address and in nothing that is kept', async () => {
    await opened.useKey(KEY);
    await shows('#catalogue-empty', /Nothing is cached yet/);
    // Where somebody without a mouse, or without sight, goes on.
    assert.equal(await opened.page.evaluate(() => document.activeElement?.id), 'main');
    await shows('#announcer', /Signed in/);
    await opened.inspect('empty');
    const kept = await opened.page.evaluate(() => [
      location.href,
      JSON.stringify(localStorage),
      document.cookie,
      document.documentElement.outerHTML,
    ]);
    assert.ok(kept.every((text) => !text.includes(KEY)));
  });

  it('shows what is cached, sorts and filters it', async () => {
    await storeImages(app.storage, SOME_IMAGES);
    const { page } = opened;
    await page.getByRole('button', { name: 'Refresh' }).click();
    await shows('#catalogue-count', /^20 images · 29\.\d GiB$/);
    await page.reload();
    const percent = Math.floor((asked.served / asked.lookups) * 1000) / 10;
    const lookups = asked.lookups.toLocaleString('en');
    await shows('#totals', new RegExp(`Served, last 30 days\\s+${percent} % of ${lookups} lookups`));
    await opened.inspect('filled');

    const first = (): Promise<string> => opened.text('#catalogue tbody tr:first-child');
    await page.getByRole('button', { name: 'Size', exact: true }).click();
    assert.match(await first(), /deepvariant:1\.6\.1.*6\.1 GiB/s);
    assert.equal(await page.locator('th[aria-sort]').innerText(), 'Size');
    await page.getByRole('button', { name: 'Size', exact: true }).click();
    assert.match(await first(), /htsget/);
    await page.getByLabel(/^Filter/).fill('UBUNTU arm64');
    await shows('#catalogue-count', /^1 of 20 images/);
    assert.match(await first(), /ubuntu:24\.04.*linux\/arm64.*6 days ago/s);
    await page.getByLabel(/^Filter/).fill('nothing like it');
    await shows('#catalogue-empty', /No image matches/);
    await opened.inspect('filtered-away');
    await page.getByLabel(/^Filter/).fill('');
    await page.getByRole('button', { name: 'Last used', exact: true }).click();
  });

  it('shows how far an image is that is on its way, and when it has come', async () => {
    const layer = randomBytes(40 * MiB);
    const { layers } = registry.push('team/slow:1', { layers: [layer] });
    registry.misbehave = (request, response) => {
      if (request.method !== 'GET' || !request.url.endsWith(layers[0]?.digest ?? '')) return false;
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const end = Number(/bytes=\d+-(\d+)/.exec(request.headers.range ?? '')?.[1] ?? layer.length - 1);
      response.writeHead(206, {
        'content-length': end - start + 1,
        'content-range': `bytes ${start}-${end}/${layer.length}`,
      });
      const drip = async (): Promise<void> => {
        for (let at = start; at <= end; at += MiB / 4) {
          response.write(layer.subarray(at, Math.min(end + 1, at + MiB / 4)));
          await sleep(60);
        }
        response.end();
      };
      void drip();
      return true;
    };
    await add(image('team/slow:1'));
    await shows('#add-result', /team\/slow:1 .* is on its way/);
    await shows('#pending', /MiB of 40\.0 MiB \(\d+ %\) · [\d.]+ MiB\/s · \d+ s left/);
    await opened.inspect('on-its-way');
    await shows('#pending-empty', /Nothing is on its way/);
    await shows('#catalogue', /team\/slow:1/);
    registry.misbehave = () => false;
  });

  it('shows why an image waits, and until when', async () => {
    throttled.push('team/throttled:1', { layers: [randomBytes(100)] });
    throttled.misbehave = (request, response) => {
      if (request.method === 'HEAD' || !request.url.includes('/team/throttled/')) return false;
      response.writeHead(429, { 'retry-after': '900' }).end();
      return true;
    };
    await add(`${throttled.host}/team/throttled:1`);
    await shows('#pending', /Waits until \d\d:\d\d:\d\d \(1\d min\): .*thrott/i);
    await opened.inspect('waiting');
  });

  it('shows what failed and why, and tries it again', async () => {
    registry.push('team/broken:1', { layers: [randomBytes(5000)] });
    registry.misbehave = (request, response) => {
      if (!request.url.includes('/team/broken/blobs/')) return false;
      const message = '<img src=x onerror=alert(1)> \u202egnp.exe\u0007';
      response
        .writeHead(403, { 'content-type': 'application/json' })
        .end(JSON.stringify({ errors: [{ code: 'DENIED', message }] }));
      return true;
    };
    await add(image('team/broken:1'));
    await shows('#failed', /team\/broken:1.*registry_denied.*<img src=x/s);
    await opened.inspect('failed');
    registry.misbehave = () => false;
    await opened.page.getByRole('button', { name: /^Try again: .*team\/broken:1/ }).click();
    await shows('#failed-empty', /Nothing failed/);
    await shows('#catalogue', /team\/broken:1/);
  });

  it('says why an image is refused', async () => {
    await add('Not An Image');
    await shows('#add-result', /not an image reference/);
    await opened.inspect('refused');
  });

  it('tells all of an image, and removes it once that is confirmed', async () => {
    const { page } = opened;
    await page
      .getByRole('button', { name: /^picard|broadinstitute\/picard:3/ })
      .first()
      .click();
    await shows('#dialog', /Pruned if unused.*Manifest\s+sha256:[0-9a-f]{64}/s);
    await opened.inspect('details');
    await page.keyboard.press('Escape');

    const button = page.getByRole('button', { name: /^Remove broadinstitute\/picard/ });
    await button.click();
    await shows('#dialog-title', /^Remove broadinstitute\/picard:3\.3\.0\?$/);
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Cancel');
    await opened.inspect('removing');
    await page.keyboard.press('Escape');
    assert.equal(await button.evaluate((element) => element === document.activeElement), true);
    await button.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await button.waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'catalogue-title');
    const left = await app.storage.images.listBlobsFlat({ prefix: 'broadinstitute/picard/' }).next();
    assert.equal(left.done, true);
  });

  it('shows what prune would delete and why, and prunes once that is confirmed', async () => {
    const { page } = opened;
    await page.getByRole('button', { name: 'Prune…' }).click();
    await shows('#dialog', /would delete 3 images \(7\.8 GiB\).*Not used since .* PRUNE_AFTER_DAYS/s);
    await opened.inspect('dry-run');
    await page.getByRole('button', { name: 'Prune now…' }).click();
    await shows('#dialog-title', /^Delete 3 images \(7\.8 GiB\)\?$/);
    await opened.inspect('prune-confirmation');
    await page.getByRole('button', { name: /^Delete 3 images/ }).click();
    await shows('#dialog', /3 images \(7\.8 GiB\) deleted/);
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await shows('#catalogue-count', /^18 images/);
  });

  it('can be used with the keyboard alone', async () => {
    const { page } = opened;
    await page.reload();
    await shows('#catalogue-count', /^18 images/);
    const reached: string[] = [];
    for (let presses = 0; presses < 30; presses++) {
      await page.keyboard.press('Tab');
      const { name, outline } = await page.evaluate(() => {
        const focused = document.activeElement as HTMLElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(focused);
        return {
          name: focused.getAttribute('aria-label') ?? focused.id,
          outline: `${outlineStyle} ${outlineWidth}`,
        };
      });
      assert.match(outline, /^(solid|auto) [1-9]/, `${name} does not show its focus`);
      reached.push(name);
      if (name.startsWith('Remove ')) break;
    }
    for (const id of [
      'refresh',
      'forget',
      'add-image',
      'add-platform',
      'add-submit',
      'plot-days',
      'prune-open',
      'filter',
    ])
      assert.ok(reached.includes(id), `${id} of ${reached.join(', ')}`);
    await page.keyboard.press('Enter');
    await shows('#dialog-title', /^Remove /);
    for (let presses = 0; presses < 4; presses++) {
      await page.keyboard.press('Tab');
      const isInside = await page.evaluate(
        () => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null,
      );
      assert.ok(isInside, 'the focus stays in the dialog');
    }
    await page.keyboard.press('Escape');
  });

  it('is as good in the dark, without colours of its own, and on 320 pixels', async () => {
    const { page } = opened;
    await page.emulateMedia({ colorScheme: 'dark' });
    await opened.inspect('dark');
    await page.emulateMedia({ colorScheme: 'light', forcedColors: 'active' });
    await opened.inspect('forced-colors');
    await page.emulateMedia({ forcedColors: 'none', reducedMotion: 'reduce' });
    await page.setViewportSize({ width: 320, height: 700 });
    await opened.inspect('narrow');
    await page.getByRole('button', { name: 'Prune…' }).click();
    await shows('#dialog-title', /Nothing to prune/);
    await opened.inspect('narrow-dialog');
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  it('asks for nothing while nobody sees it', async () => {
    const { page } = opened;
    const asked: string[] = [];
    const hide = (isHidden: boolean): Promise<void> =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, isHidden);
    await hide(true);
    page.on('request', (request) => asked.push(request.url()));
    // Something is on its way, so that it would ask every two seconds.
    assert.match(await opened.text('#pending'), /throttled/);
    await sleep(5000);
    assert.deepEqual(asked, []);
    await hide(false);
    await eventually('it asks again', () => asked.length > 0);
  });

  it('says since when the service does not answer, and that it answers again', async () => {
    const { page } = opened;
    await page.context().setOffline(true);
    await shows('#outage', /^Since \d\d:\d\d:\d\d: The service does not answer\. What is shown here is from/);
    await shows('#connection', /next try in/);
    await opened.inspect('service-down');
    await page.context().setOffline(false);
    await shows('#connection', /^Up to date/);
    assert.equal(await page.locator('#outage').isVisible(), false);
  });

  it('asks who it is again where a session ends while a dialog is open', async () => {
    const { page } = opened;
    for (const [path, open, go] of [
      ['**/api/images?image=*', /^Remove broadinstitute\/gatk:4\.6\.1\.0/, 'Remove'],
      ['**/api/prune*', 'Prune…', undefined],
    ] as const) {
      await page.route(path, (route) => route.fulfill({ status: 401, body: '' }));
      await page.getByRole('button', { name: open }).first().click();
      if (go !== undefined)
        await page.getByRole('dialog').getByRole('button', { name: go, exact: true }).click();
      await shows('#sign-in-reason', /does not take this key/);
      await eventually('the dialog is closed', async () => !(await page.getByRole('dialog').isVisible()));
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'key');
      await page.unroute(path);
      await opened.useKey(KEY);
      await shows('#catalogue-count', /^18 images/);
    }
  });

  it('forgets the key, and what it has shown', async () => {
    const { page } = opened;
    await page.getByRole('button', { name: 'Forget key' }).click();
    await shows('#sign-in-reason', /wants to know/);
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.equal(await page.locator('#catalogue tbody tr').count(), 0);
  });

  it('says so where somebody is known but not allowed, or is to sign in elsewhere', async () => {
    for (const [answer, reason] of [
      [{ status: 403, body: '' }, /may not use this app/],
      [{ status: 302, headers: { location: 'https://login.example.com/' }, body: '' }, /wants to know/],
    ] as const) {
      const other = await OpenPage.open(browser, app.url, {}, (page) =>
        page.route('**/api/runs*', (route) => route.fulfill(answer)),
      );
      await eventually('the reason', async () => reason.test(await other.text('#sign-in-reason')));
      if (answer.status === 403) await other.inspect('not-allowed');
      await other.close();
    }
  });
});
