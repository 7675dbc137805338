import type { Metafile } from 'esbuild';

/** What of npm's package-lock.json (lockfileVersion 3) matters here; keys of `packages` are folders. */
export interface PackageLock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly license?: string; readonly integrity?: string }>
  >;
}

/** A package that has a part in the bundle. One that is installed twice is two of them. */
export interface BundledPackage {
  /** Where it is installed, `node_modules/undici`. */
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
  /** Of the package's tarball, as Subresource Integrity has it: `sha512-<base64>`. */
  readonly integrity: string;
  /** Folders of the packages that its files import. */
  readonly imports: readonly string[];
}

/** What may be shipped without more than a notice. Whoever adds to this has read the license. */
const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

/**
 * The packages whose files esbuild put into its outputs (https://esbuild.github.io/api/#metafile), by folder, with what
 * the lock file says of them.
 * @throws where the lock file does not know one of them, or one has a license that is not permissive
 */
export function bundledPackages(
  { inputs, outputs }: Pick<Metafile, 'inputs' | 'outputs'>,
  lock: PackageLock,
): BundledPackage[] {
  const importsOf = new Map<string, Set<string>>();
  for (const file of Object.values(outputs).flatMap((output) => Object.keys(output.inputs))) {
    const folder = packageFolder(file);
    if (folder === undefined) continue;
    const imports = importsOf.get(folder) ?? new Set();
    for (const imported of inputs[file]?.imports ?? []) {
      const other = imported.external === true ? undefined : packageFolder(imported.path);
      if (other !== undefined && other !== folder) imports.add(other);
    }
    importsOf.set(folder, imports);
  }
  // What was shaken off the tree is imported and not there.
  return [...importsOf.keys()].sort().map((folder) => ({
    folder,
    name: folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length),
    imports: [...(importsOf.get(folder) ?? [])].filter((other) => importsOf.has(other)).sort(),
    ...locked(folder, lock),
  }));
}

/** The folder of the package that a file belongs to; undefined for the project's own files. */
export function packageFolder(file: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

function locked(
  folder: string,
  lock: PackageLock,
): Pick<BundledPackage, 'version' | 'license' | 'integrity'> {
  const { version, license, integrity } = lock.packages[folder] ?? {};
  if (version === undefined || integrity === undefined)
    throw new Error(`package-lock.json has no version and integrity of ${folder}; run npm ci.`);
  if (license === undefined || !isPermissive(license))
    throw new Error(
      `${folder} is under ${license ?? 'no license that package-lock.json knows'}, which release/bundledPackages.ts ` +
        'does not list as permissive. Do without it, or read the license and list it.',
    );
  return { version, license, integrity };
}

/** Of an expression with both AND and OR nothing is assumed. */
function isPermissive(expression: string): boolean {
  const words = expression.replace(/[()]/g, '').split(/\s+/);
  const ids = words.filter((word) => word !== 'AND' && word !== 'OR');
  if (words.includes('AND') && words.includes('OR')) return false;
  return words.includes('OR')
    ? ids.some((id) => PERMISSIVE.includes(id))
    : ids.every((id) => PERMISSIVE.includes(id));
}
