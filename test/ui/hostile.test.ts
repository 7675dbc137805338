import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import type { ImageView } from '../../src/api/views.ts';
import { type RunningApp, startApp } from '../functions/support/app.ts';
import { eventually } from '../support/eventually.ts';
import { launchBrowser, OpenPage, skip } from './support/browser.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const NOW = new Date().toISOString();
const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  '"><script>alert(2)</script>',
  'javascript:alert(3)',
  '\u202egnp.exe\u0000\u0007\u200b\ufeff',
  '</style><svg onload=alert(4)>',
  `${'a-name-without-an-end/'.repeat(24)}x`,
  "'; DROP TABLE images; --",
  '${7*7}{{7*7}}',
] as const;

/** The service would refuse most of these; the page must not have to rely on that. */
describe("what others wrote, on the operator's page", { skip }, () => {
  let app: RunningApp;
  let browser: Browser;
  before(async () => {
    app = await startApp();
    browser = await launchBrowser();
  });
  after(async () => {
    await browser.close();
    await app.close();
  });

  it('is text, whatever it is, and can be read', async () => {
    const images: ImageView[] = HOSTILE.map((text, at) => ({
      state: 'ready',
      requested: text,
      image: `${text}:${text}`,
      platform: text,
      manifestDigest: DIGEST,
      blob: `${at}`,
      runRef: text,
      size: 1,
      lastUsed: NOW,
      createdAt: text,
      pruneAfter: text,
      notes: [text],
    }));
    // Where the service says only words of its own, too: the page does not count on it.
    const runs = HOSTILE.flatMap((text) => {
      const run = { requested: text, image: text, platform: text, startedAt: text, updatedAt: text };
      const error = { code: text, detail: text, retryable: true };
      const waiting = { code: text, detail: text, until: text };
      return [
        { ...run, state: 'pending', progress: { phase: text, waiting } },
        { ...run, state: 'failed', error },
      ];
    });
    const opened = await OpenPage.open(browser, app.url, {}, async (page) => {
      await page.route('**/api/images*', (route) =>
        route.request().method() === 'GET'
          ? route.fulfill({ json: { images } })
          : route.fulfill({
              status: 400,
              contentType: 'application/problem+json',
              json: { code: HOSTILE[0], detail: HOSTILE[0] },
            }),
      );
      await page.route('**/api/runs*', (route) => {
        const state = new URL(route.request().url()).searchParams.get('state');
        return route.fulfill({ json: { images: runs.filter((run) => run.state === state) } });
      });
    });
    await eventually('all is shown', async () =>
      (await opened.text('#catalogue-count')).startsWith('8 images'),
    );
    const { page } = opened;
    const body = (await page.locator('#catalogue tbody').textContent()) ?? '';
    assert.ok(body.includes('<img src=x onerror=alert(1)>'));
    assert.ok(body.includes('\\u202egnp.exe\\u0000'));
    assert.equal(await page.locator('main img, main script, main svg[onload]').count(), 0);
    const everything = (await page.evaluate(() => document.documentElement.outerHTML)).replace(
      /<script[^]*<\/script>/,
      '',
    );
    for (const unseen of ['\u0000', '\u0007', '\u200b', '\u202e', '\ufeff'])
      assert.ok(!everything.includes(unseen), JSON.stringify(unseen));

    await page.getByRole('button', { name: /^Remove .*img src/ }).click();
    await eventually('it is named', async () => (await opened.text('#dialog-title')).includes('<img src=x'));
    await opened.inspect('hostile-dialog');
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await eventually('its refusal', async () => (await opened.text('#dialog-body')).includes('<img src=x'));
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^Try again: .*img src/ }).click();
    await eventually('it is tried', async () => (await opened.text('#failed')).includes('onerror'));
    await opened.inspect('hostile');
    await page.setViewportSize({ width: 320, height: 700 });
    await opened.inspect('hostile-narrow');
    await opened.close();
  });

  it('cannot be markup, or a request, even by a mistake in the page', async () => {
    const opened = await OpenPage.open(browser, app.url);
    const outcome = await opened.page.evaluate(async () => {
      const tries = [
        () => (document.body.innerHTML = '<b>x</b>'),
        () => (document.createElement('script').text = 'alert(1)'),
        () => fetch('https://example.com/'),
      ];
      const ended: string[] = [];
      for (const one of tries)
        try {
          await one();
          ended.push('done');
        } catch (error) {
          ended.push((error as Error).name);
        }
      return ended;
    });
    assert.ok(!outcome.includes('done'), outcome.join(', '));
    assert.ok(opened.defects.some((defect) => defect.includes('Content Security Policy')));
    await opened.close();
  });
});
