import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { startHost } from 'functions-host';
import manifest from '../../package.json' with { type: 'json' };
import { makeSampleImage } from '../../local/sampleImage.ts';
import { startSampleRegistry } from '../../local/sampleRegistry.ts';
import type { ImageView, LookupView } from '../../src/api/views.ts';
import { verifyArchive } from '../../src/archive/verifyArchive.ts';
import { newContainer, openAzurite } from '../support/azurite.ts';
import { eventually } from '../support/eventually.ts';
import { must, removeDirectory, temporaryDirectory } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ZIP = `tes-image-cache-${manifest.version}.zip`;
const BILL = `tes-image-cache-${manifest.version}.cdx.json`;
/** What the zip grew beyond is looked at, and only then allowed. */
const MAX_ZIP_BYTES = 2 * 1024 * 1024;

/** The project's own files that are no part of the app; maps that are not there; keys and tokens. */
const UNWANTED = [
  /^\/\/ (?:test|local|bench|packages|release)\/.*/m,
  /sourceMappingURL=\S+\.map\s*$/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[\w+/]{40}/,
  // But for the storage emulator's, which is public, and which Azure's library has in it.
  /AccountKey=(?!Eby8vdM02xNOcqFlqUwJPLlm)[\w+/]{20}/,
  /\b(?:gh[pousr]|npm)_\w{30}/,
];

/** The command line, and what it loads for --storage. */
const PROGRAM = ['image-cache.mjs', 'image-cache-storage.mjs'];

describe('npm run package', () => {
  let folder: string;
  let release: string;
  let files: Map<string, Buffer>;
  before(async () => {
    folder = await temporaryDirectory('package');
    release = path.join(folder, 'release');
    await makePackage(release);
    const unzipped = unzipSync(await readFile(path.join(release, ZIP)));
    files = new Map(Object.entries(unzipped).map(([name, bytes]) => [name, Buffer.from(bytes)]));
  });
  after(() => removeDirectory(folder));

  const textOf = (name: string): string => files.get(name)?.toString() ?? '';

  it('gives the zip, its bill of materials, the command line and their checksums', async () => {
    assert.deepEqual((await readdir(release)).sort(), ['SHA256SUMS', ...PROGRAM, BILL, ZIP].sort());
    const sums = await readFile(path.join(release, 'SHA256SUMS'), 'utf8');
    for (const name of [ZIP, BILL, ...PROGRAM]) {
      const bytes = await readFile(path.join(release, name));
      assert.ok(sums.includes(`${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`), name);
    }
    assert.match(
      await must([process.execPath, path.join(release, 'image-cache.mjs'), '--help']),
      /image-cache add \[IMAGE/,
    );
  });

  it('gives the same bytes again, whatever the clock, the time zone and the umask', async () => {
    const again = path.join(folder, 'again');
    await makePackage(again, { TZ: 'Pacific/Kiritimati', HOME: folder, TMPDIR: folder });
    assert.equal(
      await readFile(path.join(again, 'SHA256SUMS'), 'utf8'),
      await readFile(path.join(release, 'SHA256SUMS'), 'utf8'),
    );
  });

  it('puts the bundle into the zip, what the host reads beside it, what must go with it, and nothing else', async () => {
    assert.deepEqual(
      [...files.keys()],
      [
        'LICENSE',
        'THIRD-PARTY-NOTICES.txt',
        'dist/main.cjs',
        'dist/telemetry.cjs',
        'host.json',
        'package.json',
        'sbom.cdx.json',
      ],
    );
    // What `func azure functionapp publish` sends, too.
    const sent = (await readFile(path.join(ROOT, '.funcignore'), 'utf8')).split('\n');
    for (const name of files.keys())
      if (name.startsWith('dist/')) assert.ok(sent.includes(`!${name}`), `${name} in .funcignore`);
    assert.equal(textOf('host.json'), await readFile(path.join(ROOT, 'host.json'), 'utf8'));
    assert.equal(textOf('sbom.cdx.json'), await readFile(path.join(release, BILL), 'utf8'));
    const { size } = await fileOf(path.join(release, ZIP));
    assert.ok(size < MAX_ZIP_BYTES, `${size} bytes`);
  });

  it('names in package.json what the worker loads, and nothing that could be installed or run', () => {
    const shipped = JSON.parse(textOf('package.json')) as Record<string, unknown>;
    assert.deepEqual(Object.keys(shipped), [
      'name',
      'version',
      'description',
      'license',
      'private',
      'main',
      'engines',
    ]);
    assert.equal(shipped.version, manifest.version);
    assert.ok(files.has(String(shipped.main)), String(shipped.main));
  });

  it('ships code that needs nothing beside Node and the host', () => {
    const code = [...files].filter(([name]) => name.startsWith('dist/'));
    const names = code.flatMap(([, bytes]) => [
      ...bytes.toString().matchAll(/\brequire\("(?!node:)([^"]+)"\)/g),
    ]);
    const outside = new Set(names.map(([, name = '']) => name));
    for (const name of [...outside].filter((found) => builtinModules.includes(found.split('/')[0] ?? '')))
      outside.delete(name);
    for (const [name] of code) outside.delete(`./${path.basename(name)}`);
    assert.deepEqual([...outside], ['@azure/functions-core']);
  });

  it('tells nothing of the machine that made it, and ships no test and no secret', () => {
    for (const [name, bytes] of files) {
      const text = bytes.toString();
      for (const place of [ROOT, `${os.homedir()}${path.sep}`, 'tic-package-'])
        assert.ok(!text.includes(place), `${name} contains ${place}`);
      for (const pattern of UNWANTED)
        assert.equal(pattern.exec(text)?.[0], undefined, `${name} matches ${pattern.source}`);
    }
  });

  it('has a bill of exactly the packages that esbuild put into the bundle', async () => {
    const { components } = JSON.parse(textOf('sbom.cdx.json')) as { components: Component[] };
    // esbuild writes above each module which file it was: a witness beside the metafile that the bill is made from.
    const modules = [...files.keys()]
      .filter((name) => name.startsWith('dist/'))
      .flatMap((name) => [
        ...textOf(name).matchAll(/^\s*\/\/ ((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\/.+$/gm),
      ]);
    assert.deepEqual(
      components.map((component) => component['bom-ref']).sort(),
      [...new Set(modules.map(([, place = '']) => place))].sort(),
    );
    for (const { 'bom-ref': place, group, name, version } of components) {
      const installed = JSON.parse(
        await readFile(path.join(ROOT, place, 'package.json'), 'utf8'),
      ) as Component;
      assert.deepEqual(
        [group === undefined ? name : `${group}/${name}`, version],
        [installed.name, installed.version],
      );
      assert.ok(
        textOf('THIRD-PARTY-NOTICES.txt').includes(`\n${installed.name} ${version}\n`),
        installed.name,
      );
    }
    const nameless = [
      ...textOf('THIRD-PARTY-NOTICES.txt').matchAll(/\n(\S+) \S+\nLicense.*\n\nThe package has no/g),
    ];
    assert.deepEqual(
      nameless.map(([, name]) => name),
      ['@nodable/entities'],
      'packages without a text of their license',
    );
  });

  it('is the whole app: it pulls an image and finds it, where nothing else is', async () => {
    const app = path.join(folder, 'app');
    for (const [name, bytes] of files) {
      await mkdir(path.dirname(path.join(app, name)), { recursive: true });
      await writeFile(path.join(app, name), bytes);
    }
    const azurite = await openAzurite();
    const registry = await startSampleRegistry(await makeSampleImage());
    const { main } = JSON.parse(textOf('package.json')) as { main: string };
    const host = await startHost({
      entry: path.join(app, main),
      port: 0,
      log: () => undefined,
      env: {
        IMAGE_STORAGE: azurite.connectionString,
        IMAGE_CONTAINER: newContainer(),
        INSECURE_REGISTRIES: registry.host,
      },
    });
    try {
      const image = `${registry.host}/team/hello:1`;
      const ask = async <T>(name: string, init?: RequestInit): Promise<T> =>
        (await (await fetch(`${host.url}/api/${name}`, init)).json()) as T;
      const asked = await ask<ImageView>('images', { method: 'POST', body: JSON.stringify({ image }) });
      assert.equal(asked.state, 'pending');
      await eventually(`${image} is ready`, async () => {
        const { state } = await ask<ImageView>(`images?image=${image}`);
        assert.notEqual(state, 'failed');
        return state === 'ready';
      });
      const { url = '', manifestDigest } = await ask<LookupView>(`lookup?image=${image}`);
      const { body } = await fetch(url);
      assert.ok(body !== null);
      assert.equal((await verifyArchive(Readable.fromWeb(body))).manifestDigest, manifestDigest);
    } finally {
      await host.close();
      await registry.close();
      await azurite.close();
    }
  });
});

interface Component {
  readonly 'bom-ref': string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
}

async function makePackage(release: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  await must(
    [
      'sh',
      '-c',
      'umask "$1"; shift; exec "$@"',
      'sh',
      env.TZ === undefined ? '022' : '077',
      process.execPath,
      'release/package.ts',
      release,
    ],
    {
      cwd: ROOT,
      env,
    },
  );
}

async function fileOf(name: string): Promise<{ size: number }> {
  return { size: (await readFile(name)).length };
}
