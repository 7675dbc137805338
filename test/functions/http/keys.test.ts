import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type RunningHost, startHost } from 'functions-host';
import { newContainer, openAzurite, type TestAzurite } from '../../support/azurite.ts';

const SOURCES = fileURLToPath(new URL('../../../src/', import.meta.url));
const KEYS = { master: 'master-key', function: 'function-key', system: 'system-key' };

/** Whoever adds one here says in docs/security.md what anybody can do with it. */
const OPEN_FILES = ['distribution.ts', 'health.ts', 'nodeScript.ts', 'openapi.ts', 'ui.ts'];

describe('without a function key', () => {
  let azurite: TestAzurite;
  let host: RunningHost;
  before(async () => {
    azurite = await openAzurite();
    const env = {
      ...process.env,
      IMAGE_STORAGE: azurite.connectionString,
      IMAGE_CONTAINER: newContainer(),
    };
    const entry = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
    host = await startHost({ entry, port: 0, env, keys: KEYS, log: () => undefined });
  });
  after(async () => {
    await host.close();
    await azurite.close();
  });
  const status = async (method: string, path: string, key?: string): Promise<number> => {
    const answer = await fetch(host.url + path, {
      method,
      ...(key !== undefined && { headers: { 'x-functions-key': key } }),
      ...(method === 'POST' && { body: '{}' }),
    });
    await answer.body?.cancel();
    return answer.status;
  };

  for (const [method, path] of [
    ['POST', '/api/images'],
    ['GET', '/api/images?image=x'],
    ['GET', '/api/images?prefix='],
    ['DELETE', '/api/images?image=x'],
    ['GET', '/api/lookup?image=x'],
    ['POST', '/api/lookup?image=x'],
    ['GET', '/api/runs'],
    ['POST', '/api/prune?dryRun=true'],
    ['GET', '/api/statistics'],
  ] as const) {
    it(`${method} ${path} is refused, and with one it is not`, async () => {
      assert.equal(await status(method, path), 401);
      assert.equal(await status(method, path, 'another'), 401);
      assert.notEqual(await status(method, path, KEYS.function), 401);
    });
  }

  it('what says nothing of what is cached is there for anybody, and no mirror', async () => {
    assert.equal(await status('GET', '/api/health'), 200);
    assert.equal(await status('GET', '/api/node/tes-node'), 200);
    assert.equal(await status('GET', '/api/openapi.json'), 200);
    assert.equal(await status('GET', '/api/ui'), 200);
    assert.equal(await status('GET', '/v2/'), 404);
  });

  it('nothing else is', () => {
    const open = globSync('**/*.ts', { cwd: SOURCES }).filter((file) =>
      readFileSync(path.join(SOURCES, file), 'utf8').includes("authLevel: 'anonymous'"),
    );
    assert.deepEqual(open.map((file) => path.basename(file)).sort(), OPEN_FILES);
  });
});
