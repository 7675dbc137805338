import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startHost } from 'functions-host';
import { newContainer, openAzurite } from './support/azurite.ts';
import { fetchChecked } from './support/contract.ts';
import { must, run, removeDirectory, temporaryDirectory } from './support/process.ts';
import { assembleScript } from '../node/assemble.ts';
import { openApiDocument } from '../src/api/openapi.ts';
import { assemblePage } from '../src/ui/assemblePage.ts';
import { VERSION } from '../src/version.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

describe('npm run build', () => {
  it('gives what runs without node_modules, as the Functions host loads it', async () => {
    await must([process.execPath, path.join(ROOT, 'build.mjs')], { cwd: ROOT });
    const manifest = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as { main: string };
    const built = path.join(ROOT, manifest.main);
    assert.deepEqual(await packagesOutside(built), ['@azure/functions-core']);
    assert.deepEqual(await packagesOutside(path.join(ROOT, 'dist/telemetry.cjs')), []);
    const azurite = await openAzurite();
    process.env.IMAGE_STORAGE = azurite.connectionString;
    process.env.IMAGE_CONTAINER = newContainer();
    // Alone in its folder, but for the host's settings: what telemetry needs is not even looked for where it is off.
    const folder = await temporaryDirectory('bundle');
    const bundle = path.join(folder, path.basename(built));
    await copyFile(built, bundle);
    await copyFile(path.join(ROOT, 'host.json'), path.join(folder, 'host.json'));
    const host = await startHost({ entry: bundle, port: 0 });
    try {
      assert.equal((await fetchChecked(`${host.url}/api/health`)).status, 200);
      assert.match(
        await (await fetchChecked(`${host.url}/api/lookup?image=ubuntu`)).text(),
        /image_not_cached/,
      );
      assert.equal(await (await fetchChecked(`${host.url}/api/node/tes-node`)).text(), assembleScript());
      const described = (await (await fetchChecked(`${host.url}/api/openapi.json`)).json()) as object;
      assert.deepEqual(described, JSON.parse(JSON.stringify(openApiDocument(VERSION))));
      assert.equal(await (await fetchChecked(`${host.url}/api/ui`)).text(), assemblePage().html);
    } finally {
      await host.close();
      await azurite.close();
      await removeDirectory(folder);
    }
  });

  it('keeps OpenTelemetry out of what is loaded where it is off', async () => {
    const main = await readFile(path.join(ROOT, 'dist/main.cjs'), 'utf8');
    assert.match(main, /import\("\.\/telemetry\.cjs"\)/);
    for (const part of ['PeriodicExportingMetricReader', 'OTLPExporterBase', 'AzureMonitorTraceExporter'])
      assert.ok(!main.includes(part), part);
  });

  it('gives a command line that loads what works on storage only for that', async () => {
    const azurite = await openAzurite();
    const env = { IMAGE_STORAGE: azurite.connectionString, IMAGE_CONTAINER: newContainer() };
    const program = path.join(ROOT, 'dist/image-cache.mjs');
    assert.match(await must([process.execPath, program, 'stats', '--storage'], { env }), /^0 images/);
    await azurite.close();
    assert.ok(!(await readFile(program, 'utf8')).includes('StorageSharedKeyCredential'));
    const wrong = await run([process.execPath, program, 'list', '--storage'], {
      env: { IMAGE_STORAGE: 'x' },
    });
    assert.equal(wrong.code, 2, wrong.stderr);
  });

  it('gives a command line of one file, but for storage', async () => {
    assert.match(
      await must([process.execPath, path.join(ROOT, 'dist/image-cache.mjs'), '--help']),
      /image-cache add \[IMAGE/,
    );
  });
});

/** Packages that a bundle expects to find beside it. */
async function packagesOutside(bundle: string): Promise<string[]> {
  const text = await readFile(bundle, 'utf8');
  const names = [...text.matchAll(/\brequire\("(?!node:)([^"]+)"\)/g)].map(([, name = '']) => name);
  return [...new Set(names)].filter((name) => !builtinModules.includes(name.split('/')[0] ?? ''));
}
