import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { requireTools } from '../../support/tools.ts';

/** Why the page cannot be tested here; false where it can. */
export const skip = requireTools('chromium');

/** Kept as the tests' output, and in no commit. */
const SCREENSHOTS = fileURLToPath(new URL('../../../test-output/ui', import.meta.url));

/** Milliseconds that Chromium may take on a busy machine. */
const PATIENCE_MS = 25_000;

export async function launchBrowser(): Promise<Browser> {
  await mkdir(SCREENSHOTS, { recursive: true });
  // Chromium's own sandbox does not start as root.
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
}

/** A tab that has the operator's page open, and hears of all that goes wrong in it. */
export class OpenPage {
  readonly page: Page;
  /** Defects: errors in the console, violations of the policy, requests to anybody else. */
  readonly defects: string[] = [];
  readonly #url: string;

  private constructor(page: Page, url: string) {
    this.page = page;
    this.#url = url;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.defects.push(`error: ${error.message}`));
    page.on('console', (message) => {
      // The browser says so of every answer that is an error; which are right, the tests know.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        this.defects.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(`${url}/`) && !request.url().startsWith('data:'))
        this.defects.push(`request: ${request.url()}`);
    });
    page.on('dialog', (dialog) => {
      this.defects.push(`alert: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  /** @param prepare what is to be done before the page is loaded */
  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
    prepare?: (page: Page) => Promise<unknown>,
  ): Promise<OpenPage> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      locale: 'en-GB',
      ...options,
    });
    const opened = new OpenPage(await context.newPage(), url);
    await prepare?.(opened.page);
    await opened.page.goto(`${url}/api/ui`);
    return opened;
  }

  /** Keeps a picture, and looks for what a screen reader or a narrow screen would stumble over. */
  async inspect(state: string): Promise<void> {
    const { page } = this;
    await page.evaluate(axe.source);
    const violations = await page.evaluate(async () => {
      const run = (globalThis as unknown as { axe: typeof axe }).axe;
      const { violations } = await run.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n  ')}`);
    });
    // A dialog covers what is in sight, and no more.
    const fullPage = !(await page.getByRole('dialog').isVisible());
    await page.screenshot({ path: path.join(SCREENSHOTS, `${state}.png`), fullPage });
    assert.deepEqual(violations, [], state);
    const { scrollWidth: wide, clientWidth: width } = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return { scrollWidth, clientWidth };
    });
    assert.ok(wide <= width, `${state} is ${wide} pixels wide on ${width}`);
    assert.deepEqual(this.defects, [], state);
  }

  /** The page's text, as it is seen. */
  text(selector = 'body'): Promise<string> {
    return this.page.locator(selector).innerText();
  }

  async useKey(key: string): Promise<void> {
    await this.page.getByLabel('Function key').fill(key);
    await this.page.getByRole('button', { name: 'Open' }).click();
  }

  get url(): string {
    return this.#url;
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
