import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadConfig } from '../src/config.ts';
import { openContext } from '../src/context.ts';
import { pruneImages } from '../src/upkeep/pruneImages.ts';
import { generateCatalogue } from './generatedCatalogue.ts';

const COUNTS = [1000, 10_000, 100_000];
const NOW = new Date('2026-06-30T12:00:00Z');
const GB = 1_000_000_000;

interface Measured {
  readonly seconds: number;
  readonly peakRss: number;
  readonly deleted: number;
  readonly kept: number;
}

/** What prune takes of time and memory by the size of the catalogue, half of which is due by age, a fifth by budget. */
export async function run(): Promise<void> {
  console.log('archives   deleted      kept   seconds   ms/archive   peak memory');
  for (const count of COUNTS) {
    const catalogue = await generateCatalogue(count, NOW);
    const { deletes } = catalogue;
    const { seconds, peakRss, deleted, kept } = await inProcess(catalogue.connectionString, count);
    await catalogue.close();
    if (deletes() < deleted) throw new Error(`${deleted} were to be deleted, and ${deletes()} deletes came.`);
    const figures = [count, deleted, kept].map((figure) => String(figure).padStart(8)).join('  ');
    console.log(
      `${figures}  ${seconds.toFixed(1).padStart(8)}   ${((seconds * 1000) / count).toFixed(2).padStart(10)}   ${Math.round(peakRss / 2 ** 20)} MiB`,
    );
  }
}

/** In a process of its own, so that the storage's memory is not counted. */
async function inProcess(connectionString: string, count: number): Promise<Measured> {
  const self = fileURLToPath(import.meta.url);
  const env = { ...process.env, IMAGE_STORAGE: connectionString, MAX_CACHE_BYTES: String(count * 0.3 * GB) };
  const { stdout } = await promisify(execFile)(process.execPath, [self], { env });
  return JSON.parse(stdout) as Measured;
}

async function measure(): Promise<Measured> {
  const context = await openContext(loadConfig(process.env), () => undefined);
  const began = performance.now();
  const { deleted, kept } = await pruneImages(context, { now: NOW });
  const seconds = (performance.now() - began) / 1000;
  return { seconds, peakRss: process.resourceUsage().maxRSS * 1024, deleted: deleted.count, kept };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await measure()));
  process.exit();
}
