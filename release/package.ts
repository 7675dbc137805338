/**
 * `npm run package [-- FOLDER]`: builds, and puts what a release is made of into FOLDER (default: dist/release, which is
 * emptied): the deployable zip, its bill of materials, the command line, and their checksums. The same commit gives the
 * same bytes. Runs in the repository's root.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Metafile } from 'esbuild';
import { billOfMaterials, checkBillOfMaterials } from './billOfMaterials.ts';
import { bundledPackages, packageFolder, type PackageLock } from './bundledPackages.ts';
import { hostJson } from './hostJson.ts';
import { thirdPartyNotices } from './thirdPartyNotices.ts';
import { zip } from './zip.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly main: string;
  readonly engines: Readonly<Record<string, string>>;
}

const folder = process.argv[2] ?? 'dist/release';
const manifest = await readJson<Manifest>('package.json');
const { name, version, description, license, main, engines } = manifest;

// Not what may lie in dist: it may be old, and others may be writing it.
const built = await mkdtemp(path.join(tmpdir(), 'tic-package-'));
try {
  execFileSync(process.execPath, ['build.mjs', built], { stdio: 'inherit' });
  const metafile = await readJson<Metafile>(path.join(built, 'app.meta.json'));
  const packages = bundledPackages(metafile, await readJson<PackageLock>('package-lock.json'));
  const own = Object.entries(metafile.inputs).filter(([file]) => packageFolder(file) === undefined);
  const direct = own.flatMap(([, { imports }]) => imports.map((imported) => packageFolder(imported.path)));
  const bill = billOfMaterials(
    { name, version, description, license, committed: committed() },
    packages,
    [...new Set(direct)].filter((found) => found !== undefined),
  );
  await checkBillOfMaterials(bill);

  const text = new TextEncoder();
  const archive = zip(
    new Map([
      // azd hands its environment on: what the deployment asks for is what the package names.
      ['host.json', text.encode(hostJson(await readFile('host.json', 'utf8'), process.env.DURABLE_BACKEND))],
      // What the Functions worker reads of it is `main` and `type`; that no dependencies are named leaves a build on the
      // platform nothing to do.
      [
        'package.json',
        text.encode(json({ name, version, description, license, private: true, main, engines })),
      ],
      ['LICENSE', await readFile('LICENSE')],
      ['THIRD-PARTY-NOTICES.txt', text.encode(await thirdPartyNotices(packages, '.'))],
      ['sbom.cdx.json', text.encode(bill)],
      ...(await appFiles(built, metafile)),
    ]),
  );
  const assets = new Map<string, Uint8Array | string>([
    [`${name}-${version}.zip`, archive],
    [`${name}-${version}.cdx.json`, bill],
    ...(await Promise.all(
      ['image-cache.mjs', 'image-cache-storage.mjs'].map(
        async (file) => [file, withoutSourceMap(await readFile(path.join(built, file), 'utf8'))] as const,
      ),
    )),
  ]);
  const sums = [...assets].map(([asset, bytes]) => `${sha256(bytes)}  ${asset}\n`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [asset, bytes] of [...assets, ['SHA256SUMS', sums.join('')] as const])
    await writeFile(path.join(folder, asset), bytes);
  console.log(`${path.join(folder, `${name}-${version}.zip`)}: ${archive.length} bytes`);
} finally {
  await rm(built, { recursive: true, force: true });
}

/**
 * What the build made for the host. Without the source maps: twice the size of all the rest, and Node reads them only
 * where it is told to, while the bundle keeps the names of functions and says which file each stood in.
 */
async function appFiles(built: string, { outputs }: Metafile): Promise<[string, Uint8Array][]> {
  const names = Object.keys(outputs)
    .map((output) => path.relative(built, output))
    .filter((output) => !output.endsWith('.map'));
  return await Promise.all(
    names.map(async (output): Promise<[string, Uint8Array]> => {
      const code = withoutSourceMap(await readFile(path.join(built, output), 'utf8'));
      return [path.posix.join('dist', output), new TextEncoder().encode(code)];
    }),
  );
}

function withoutSourceMap(code: string): string {
  return code.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n');
}

/** SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/), else the commit's time, if there is one. */
function committed(): Date | undefined {
  const given = process.env.SOURCE_DATE_EPOCH;
  try {
    const seconds = given ?? execFileSync('git', ['log', '-1', '--format=%ct'], { stdio: 'pipe' }).toString();
    return new Date(Number(seconds) * 1000);
  } catch {
    return undefined;
  }
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
