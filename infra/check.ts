/**
 * `npm run infra:check` holds the Bicep files against the real compiler, without network: it builds and lints them with
 * every rule at error, compares their format, builds each parameter file, and validates the committed snapshots, which
 * show what would be deployed. `npm run infra:snapshot` formats the files and writes the snapshots anew.
 */
import { globSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bicep, whyNoBicep } from './bicep.ts';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** Snapshots are the same on every machine: nobody's subscription, tenant and region. */
const SUBJECT = [
  ['--subscription-id', '00000000-0000-0000-0000-000000000001'],
  ['--tenant-id', '00000000-0000-0000-0000-000000000002'],
  ['--location', 'westeurope'],
].flat();

const parameters = globSync('*.bicepparam', { cwd: FOLDER }).map((name) => path.join(FOLDER, name));

/** @throws {Error} with the compiler's own words on what is wrong */
export async function checkInfrastructure(): Promise<void> {
  const main = path.join(FOLDER, 'main.bicep');
  await bicep('build', main, '--stdout');
  await bicep('lint', main);
  await checkFormat();
  for (const file of parameters) {
    await bicep('build-params', file, '--stdout');
    await bicep('snapshot', file, '--mode', 'validate', ...SUBJECT);
  }
}

/** The compiler formats files in their place, so a copy of them is formatted, in one go. */
async function checkFormat(): Promise<void> {
  const copies = await mkdtemp(path.join(tmpdir(), 'tic-bicep-'));
  try {
    const names = globSync('*.bicep*', { cwd: FOLDER });
    for (const name of names) await copyFile(path.join(FOLDER, name), path.join(copies, name));
    await bicep('format', '--pattern', path.join(copies, '*.bicep*'));
    const changed = names.filter(
      (name) =>
        readFileSync(path.join(FOLDER, name), 'utf8') !== readFileSync(path.join(copies, name), 'utf8'),
    );
    if (changed.length > 0)
      throw new Error(
        `Not formatted: ${changed.join(', ')}. Run \`npm run infra:snapshot\`, which formats them.`,
      );
  } finally {
    await rm(copies, { recursive: true, force: true });
  }
}

async function writeSnapshots(): Promise<void> {
  await bicep('format', '--pattern', path.join(FOLDER, '*.bicep*'));
  for (const file of parameters) {
    await bicep('snapshot', file, '--mode', 'overwrite', ...SUBJECT);
    const snapshot = file.replace(/\.bicepparam$/, '.snapshot.json');
    const { outputs, ...rest } = JSON.parse(await readFile(snapshot, 'utf8')) as {
      readonly outputs: Record<string, unknown>;
    };
    // The compiler gives the outputs in another order each time.
    const sorted = Object.fromEntries(Object.entries(outputs).sort(([a], [b]) => (a < b ? -1 : 1)));
    await writeFile(snapshot, `${JSON.stringify({ ...rest, outputs: sorted }, undefined, 2)}\n`);
  }
}

if (import.meta.main) {
  const missing = whyNoBicep();
  if (missing !== undefined) throw new Error(`infra/check.ts ${missing}.`);
  await (process.argv.includes('--write') ? writeSnapshots() : checkInfrastructure());
}
