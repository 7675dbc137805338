/**
 * `node test/run.ts [--all] [--node=MAJOR] [FLAG…] [PATH…]` runs the tests, with one Azurite for all of them.
 *
 * Without a PATH (a file, a folder or a glob) it runs the fast core, which needs no tool beside npm; `--all` adds what
 * LONG leaves out. A FLAG goes to `node --test`. `--node=22` makes sure that it is Node 22 that the tests run under.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { startAzurite } from '../local/azurite.ts';

/**
 * What takes minutes, or needs root or other programs, or is a product of its own; the files about faults; and three
 * that play hundreds of images or registries each.
 */
const LONG =
  /^packages\/|^test\/(?:e2e|infra|kinds|node|local|ui|registry\/client\.(?:conformance|ssrf)|runs\/copyBlocks\.test)\b|faults[^/]*\.test\.ts$/;
/** What times itself runs alone, and by name: `npm run test:starvation`. */
const TIMED = 'test/starvation/';

/**
 * Minutes until a file is given up, and until all of them are; and files at a time. Files of the core wait for time-outs
 * and timers a third of their time, so one more than there are processors keeps these busy.
 */
const LIMITS = {
  core: { file: 3, all: 10, files: Math.min(availableParallelism() + 1, 4) },
  chosen: { file: 20, all: 45, files: 2 },
};

const args = process.argv.slice(2);
const flags = args.filter((arg) => arg.startsWith('-') && arg !== '--all' && !arg.startsWith('--node='));
const paths = args.filter((arg) => !arg.startsWith('-'));
const isCore = paths.length === 0 && !args.includes('--all');

const wanted = args.find((arg) => arg.startsWith('--node='))?.slice('--node='.length);
if (wanted !== undefined && process.versions.node.split('.')[0] !== wanted)
  throw new Error(`This is Node ${process.version}, not ${wanted}.`);

const everything = globSync(['test/**/*.test.ts', 'packages/*/test/**/*.test.ts']).filter(
  (file) => !file.startsWith(TIMED),
);
const files =
  paths.length > 0
    ? paths.map((name) => (isFolder(name) ? path.join(name, '**/*.test.ts') : name))
    : everything.filter((file) => !isCore || !LONG.test(file));

const folder = await mkdtemp(path.join(tmpdir(), 'tic-tests-'));
// The core keeps little; what else there is has whole images.
const azurite = await startAzurite(isCore ? undefined : folder);
try {
  console.log(`Node ${process.version}: ${isCore ? 'the fast core' : 'everything that was asked for'}`);
  process.exitCode = await test(isCore ? LIMITS.core : LIMITS.chosen);
} finally {
  await azurite.close();
  await rm(folder, { recursive: true, force: true });
}

async function test(limit: (typeof LIMITS)['core']): Promise<number> {
  const reporter = flags.some((flag) => flag.startsWith('--test-reporter')) ? [] : ['--test-reporter=spec'];
  const options = [
    `--test-concurrency=${limit.files}`,
    `--test-timeout=${limit.file * 60_000}`,
    ...reporter,
    ...flags,
  ];
  const child = spawn(process.execPath, ['--test', ...options, ...files], {
    stdio: 'inherit',
    env: {
      ...process.env,
      TEST_AZURITE: azurite.connectionString,
      // Each file is a process of its own, and most load the same modules.
      NODE_COMPILE_CACHE: path.join(folder, 'compiled'),
      // Node 22 warns of type stripping, in every process, on the standard error that tests read.
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --disable-warning=ExperimentalWarning`,
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  // A file that has failed at its limit, but holds a handle, would keep everybody waiting.
  const timer = setTimeout(() => {
    console.error(`\nThe tests are still running after ${limit.all} minutes; they are stopped.`);
    child.kill('SIGINT');
  }, limit.all * 60_000);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(timer);
  return code ?? 1;
}

function isFolder(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
}
