import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type RunningHost, startHost } from 'functions-host';
import { CALLS } from '../../../src/api/calls.ts';
import { newContainer, openAzurite, type TestAzurite } from '../../support/azurite.ts';

const SOURCES = fileURLToPath(new URL('../../../src/', import.meta.url));
const KEYS = { master: 'master-key', function: 'function-key', system: 'system-key' };

/** Whoever adds one here says in docs/security.md what anybody can do with it. */
const OPEN = ['/api/health', '/api/node/tes-node', '/api/openapi.json', '/api/ui'];

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
      method: method.toUpperCase(),
      ...(key !== undefined && { headers: { 'x-functions-key': key } }),
      ...(method === 'post' && { body: '{}' }),
    });
    await answer.body?.cancel();
    return answer.status;
  };

  const closed = CALLS.filter(({ isAnonymous }) => isAnonymous !== true);
  for (const { method, path } of closed) {
    it(`${method} ${path} is refused, and with one it is not`, async () => {
      assert.equal(await status(method, path), 401);
      assert.equal(await status(method, path, 'another'), 401);
      assert.notEqual(await status(method, path, KEYS.function), 401);
    });
  }

  it('what says nothing of what is cached is there for anybody, and no mirror', async () => {
    for (const path of OPEN) assert.equal(await status('get', path), 200, path);
    assert.equal(await status('get', '/v2/'), 404);
  });

  it('nothing else is described as open', () => {
    const open = CALLS.filter(({ isAnonymous, path }) => isAnonymous === true && !path.startsWith('/v2/'));
    assert.deepEqual(open.map(({ path }) => path).sort(), OPEN);
  });

  it('no call is open because nobody said who may', () => {
    for (const file of globSync('functions/http/**/*.ts', { cwd: SOURCES })) {
      const text = readFileSync(path.join(SOURCES, file), 'utf8');
      const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0;
      assert.equal(count(/authLevel: '(function|anonymous)'/g), count(/app\.http\(/g), file);
    }
  });
});
