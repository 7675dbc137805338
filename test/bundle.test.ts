import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startHost } from 'functions-host';
import { newContainer, openAzurite } from './support/azurite.ts';
import { must } from './support/process.ts';
import { assembleScript } from '../node/assemble.ts';
import { assemblePage } from '../src/ui/assemblePage.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

describe('npm run build', () => {
  it('gives one file that runs without node_modules, as the Functions host loads it', async () => {
    await must([process.execPath, path.join(ROOT, 'build.mjs')], { cwd: ROOT });
    const manifest = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as { main: string };
    const bundle = path.join(ROOT, manifest.main);
    const outside = [...(await readFile(bundle, 'utf8')).matchAll(/\brequire\("(?!node:)([^"]+)"\)/g)].map(
      ([, name]) => name ?? '',
    );
    assert.deepEqual(
      [...new Set(outside)].filter((name) => !builtinModules.includes(name.split('/')[0] ?? '')),
      ['@azure/functions-core'],
    );
    const azurite = await openAzurite();
    process.env.IMAGE_STORAGE = azurite.connectionString;
    process.env.IMAGE_CONTAINER = newContainer();
    const host = await startHost({ entry: bundle, port: 0 });
    try {
      assert.equal((await fetch(`${host.url}/api/health`)).status, 200);
      assert.match(await (await fetch(`${host.url}/api/lookup?image=ubuntu`)).text(), /image_not_cached/);
      assert.equal(await (await fetch(`${host.url}/api/node/tes-node`)).text(), assembleScript());
      assert.equal(await (await fetch(`${host.url}/api/ui`)).text(), assemblePage().html);
    } finally {
      await host.close();
      await azurite.close();
    }
  });

  it('gives a command line of one file', async () => {
    assert.match(
      await must([process.execPath, path.join(ROOT, 'dist/image-cache.mjs'), '--help']),
      /image-cache add IMAGE/,
    );
  });
});
