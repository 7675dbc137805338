import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bundledPackages, packageFolder } from '../../release/bundledPackages.ts';

const INTEGRITY =
  'sha512-nBrLsEWm4J2u5LpAPjxADTlq3trDgVZZXHNKabeXZtpq3d3AbN/KGO82R87rdDz5/lYB024rtEf10/q0urNgsA==';

/** An esbuild metafile of files and what each imports. */
function metafile(files: Readonly<Record<string, readonly string[]>>, shaken: readonly string[] = []) {
  const entries = Object.entries(files);
  const kept = entries.filter(([file]) => !shaken.includes(file));
  return {
    inputs: Object.fromEntries(
      entries.map(([file, imports]) => [
        file,
        { bytes: 1, imports: imports.map((path) => ({ path, kind: 'require-call' as const })) },
      ]),
    ),
    outputs: {
      'dist/main.cjs': {
        bytes: 1,
        imports: [],
        exports: [],
        inputs: Object.fromEntries(kept.map(([file]) => [file, { bytesInOutput: 1 }])),
      },
    },
  };
}

function lock(licenses: Readonly<Record<string, string>>) {
  const packages = Object.entries(licenses).map(
    ([folder, license]) => [folder, { version: '1.0.0', license, integrity: INTEGRITY }] as const,
  );
  return { packages: Object.fromEntries(packages) };
}

describe('bundledPackages', () => {
  it('names each package whose files are in the bundle, with what its files import, and no other', () => {
    const found = bundledPackages(
      metafile(
        {
          'src/main.ts': ['node_modules/a/index.js', 'node_modules/unused/index.js'],
          'node_modules/a/index.js': ['node_modules/a/more.js', 'node_modules/@s/b/lib/b.js'],
          'node_modules/a/more.js': ['node_modules/a/node_modules/c/c.js'],
          'node_modules/a/node_modules/c/c.js': [],
          'node_modules/@s/b/lib/b.js': ['node_modules/unused/index.js'],
          'node_modules/unused/index.js': [],
        },
        ['node_modules/unused/index.js'],
      ),
      lock({ 'node_modules/a': 'MIT', 'node_modules/a/node_modules/c': 'ISC', 'node_modules/@s/b': '0BSD' }),
    );
    assert.deepEqual(
      found.map(({ folder, name, license, imports }) => ({ folder, name, license, imports })),
      [
        { folder: 'node_modules/@s/b', name: '@s/b', license: '0BSD', imports: [] },
        {
          folder: 'node_modules/a',
          name: 'a',
          license: 'MIT',
          imports: ['node_modules/@s/b', 'node_modules/a/node_modules/c'],
        },
        { folder: 'node_modules/a/node_modules/c', name: 'c', license: 'ISC', imports: [] },
      ],
    );
  });

  const one = metafile({ 'node_modules/a/index.js': [] });
  for (const license of ['MIT', '(MIT OR GPL-3.0-only)', 'MIT AND ISC'])
    it(`takes ${license}`, () => {
      assert.equal(bundledPackages(one, lock({ 'node_modules/a': license }))[0]?.license, license);
    });
  for (const license of [
    'GPL-3.0-only',
    'MIT AND GPL-3.0-only',
    'MIT OR ISC AND GPL-3.0-only',
    'UNLICENSED',
    '',
  ])
    it(`refuses "${license}", and says whose it is`, () => {
      assert.throws(
        () => bundledPackages(one, lock({ 'node_modules/a': license })),
        /^Error: node_modules\/a is under .*does not list as permissive/,
      );
    });

  it('refuses what the lock file does not know', () => {
    assert.throws(
      () => bundledPackages(one, lock({})),
      /package-lock\.json has no version .*node_modules\/a/,
    );
  });
});

describe('packageFolder', () => {
  const folders = {
    'src/main.ts': undefined,
    'node_modules/undici/lib/x.js': 'node_modules/undici',
    'node_modules/@azure/identity/dist/esm/package.json': 'node_modules/@azure/identity',
    'node_modules/axios/node_modules/ms/index.js': 'node_modules/axios/node_modules/ms',
    '../elsewhere/node_modules/ms/index.js': '../elsewhere/node_modules/ms',
  };
  for (const [file, folder] of Object.entries(folders))
    it(`of ${file} is ${folder ?? 'none'}`, () => assert.equal(packageFolder(file), folder));
});
