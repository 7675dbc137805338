import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const PROJECT = new URL('../tools/bicep/', import.meta.url);

/** The compiler's package and version stand in the project that restores it. */
const [, packageName = '', version = ''] =
  /PackageDownload Include="([^"]+)" Version="\[([^\]]+)\]"/.exec(
    readFileSync(new URL('bicep.csproj', PROJECT), 'utf8'),
  ) ?? [];

/** Where `dotnet restore tools/bicep` puts the compiler, for Linux on x64. */
export const BICEP = fileURLToPath(
  new URL(`packages/${packageName.toLowerCase()}/${version}/tools/bicep`, PROJECT),
);

/** Why the compiler cannot be used here, and what to do; undefined where it can. */
export function whyNoBicep(): string | undefined {
  return existsSync(BICEP)
    ? undefined
    : 'needs the Bicep compiler: install the .NET SDK and run `dotnet restore tools/bicep`';
}

/**
 * Runs the compiler. It needs no network, and sees none of the caller's variables, which parameter files read.
 * @throws {Error} with what it printed, where it fails or has anything to complain about
 */
export async function bicep(...args: readonly string[]): Promise<string> {
  const { PATH, HOME } = process.env;
  const child = spawn(BICEP, args, { env: { PATH, HOME }, stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, complaints, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  // A snapshot that differs is printed to the standard output, with colours.
  if (status !== 0 || complaints !== '') throw new Error(`bicep ${args.join(' ')}\n${complaints}${output}`);
  return output;
}
