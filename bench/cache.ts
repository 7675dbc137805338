import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import { startAzurite } from '../local/azurite.ts';
import { formatBytes } from '../src/cli/format.ts';
import { removeDirectory, temporaryDirectory } from '../test/support/process.ts';
import { startRegistry } from '../test/support/registry.ts';
import { samtoolsImage } from '../test/support/samtools.ts';
import { download, startTestService } from '../test/support/service.ts';
import { summary } from './summary.ts';

const ROUNDS = 5;
const MiB = 1024 * 1024;

/**
 * Caches a real image of more than 300 MB from a real registry next door, again and again, and after each time
 * uploads the very same archive from a local file with the storage SDK's own `uploadFile`. Both end in the same
 * Azurite, so the ratio says what pulling, hashing and assembling cost on top of storing.
 */
export async function run(): Promise<void> {
  const folder = await temporaryDirectory('bench');
  const image = await samtoolsImage();
  const registry = await startRegistry({ seed: image.seed });
  const azurite = await startAzurite(path.join(folder, 'azurite'));
  const service = await startTestService({
    INSECURE_REGISTRIES: registry.host,
    IMAGE_STORAGE: azurite.connectionString,
  });
  try {
    const reference = `${registry.host}/debian/samtools:1`;
    const file = path.join(folder, 'image.tar');
    const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
      'uploads',
    );
    await container.create();
    const idle = await peakMemory(service.pid);

    const cached: number[] = [];
    const uploaded: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      const { url } = await service.cache(reference);
      cached.push((performance.now() - start) / 1000);
      if (round === 0) await download(url, file);
      await service.request('DELETE', `/api/images?image=${reference}`);
      uploaded.push(
        await seconds(() =>
          container
            .getBlockBlobClient(`${round}.tar`)
            .uploadFile(file, { blockSize: 8 * MiB, concurrency: 4 }),
        ),
      );
    }
    const { size } = await stat(file);
    console.log(`archive              ${formatBytes(size)}, ${image.layers.length} layers`);
    console.log(`cached in            ${summary(cached)} s`);
    console.log(`uploadFile in        ${summary(uploaded)} s`);
    console.log(
      `ratio of each pair   ${summary(cached.map((value, round) => value / (uploaded[round] ?? 1)))}`,
    );
    console.log(
      `peak memory, idle    ${formatBytes(idle)}  (the app with its local host, before the first image)`,
    );
    console.log(
      `peak memory          ${formatBytes(await peakMemory(service.pid))}  (after ${ROUNDS} images)`,
    );
    console.log(`Azurite's own peak   ${formatBytes(await peakMemory(azurite.pid))}`);
  } finally {
    await service.close();
    await azurite.close();
    await registry.close();
    await removeDirectory(folder);
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Bytes of memory that a process held at most so far; Linux only. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}
