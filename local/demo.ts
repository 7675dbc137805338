/**
 * `npm run demo [-- IMAGE]`: watch one image travel from a registry into blob storage and out again, on this machine
 * alone. Without IMAGE, a small registry with an image made on the spot is part of it.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { followImages } from '../src/cli/progress/followImages.ts';
import { formatBytes } from '../src/cli/format.ts';
import { ImageCacheService } from '../src/cli/service/imageCacheService.ts';
import { ProgressDisplay } from '../src/cli/progress/progressDisplay.ts';
import { dockerAnswers, loadAndRun } from './dockerDemo.ts';
import { makeSampleImage } from './sampleImage.ts';
import { startSampleRegistry } from './sampleRegistry.ts';
import { startService } from './service.ts';
import { verifyArchive } from '../src/archive/verifyArchive.ts';

const folder = await mkdtemp(path.join(tmpdir(), 'tes-image-cache-demo-'));
const closers: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
try {
  await demo(process.argv[2]);
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  for (const close of closers.reverse()) await close();
}
process.exit();

async function demo(wanted: string | undefined): Promise<void> {
  const image = wanted ?? (await sample());
  const running = await startService({
    port: 0,
    dataFolder: folder,
    // The demo tells the story itself.
    log: (line) => {
      if (line.startsWith('error:')) console.error(line);
    },
  });
  closers.push(() => running.close());
  const service = new ImageCacheService({ url: running.url });
  say(`A service at ${running.url}, its storage in Azurite. No Docker is involved so far.\n`);

  say(`1. Ask for the image:  POST /api/images {"image": "${image}"}`);
  const began = Date.now();
  const display = new ProgressDisplay(process.stdout, process.env);
  const asked = await service.ensure([image], undefined);
  const [cached] = await followImages(service, asked, undefined, display);
  display.close();
  if (cached?.state !== 'ready') {
    throw new Error(
      cached?.state === 'failed' ? (cached.error?.detail ?? 'no cause') : `${image} is not ready`,
    );
  }
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  say(`   ${formatBytes(cached.size ?? 0)} in ${seconds} s, as the blob ${cached.blob ?? ''}\n`);

  say(`2. A node looks it up:  GET /api/lookup?image=${image}`);
  const found = await service.lookup(image, undefined);
  const file = path.join(folder, 'image.tar');
  await download(found.url ?? '', file);
  say(
    `   and downloads ${formatBytes((await stat(file)).size)} with a read-only URL that expires at ${found.urlExpires ?? ''}\n`,
  );

  say('3. Check every byte, as a suspicious node would:');
  const verified = await verifyArchive(createReadStream(file));
  if (verified.manifestDigest !== found.manifestDigest) throw new Error('The archive holds another image.');
  say(
    `   ${verified.layers} layers, each with the digest the registry gave it, ${formatBytes(verified.unpackedBytes)} unpacked`,
  );
  say(`   manifest ${verified.manifestDigest}`);
  say(`   image id ${verified.imageId}\n`);

  say('4. Load and run it:');
  if (await dockerAnswers()) say(await loadAndRun(file, found.runRef ?? '', wanted !== undefined));
  else {
    say('   No Docker daemon answers here. Where one does:');
    say(`   docker load -i image.tar && docker run ${found.runRef ?? ''}`);
  }
  say(`\nDone. \`npm start\` runs the service by itself; README.md shows the rest.`);
}

/** An image of our own, in a registry of our own. */
async function sample(): Promise<string> {
  const registry = await startSampleRegistry(await makeSampleImage());
  closers.push(() => registry.close());
  process.env.INSECURE_REGISTRIES = registry.host;
  process.env.DEFAULT_PLATFORM ??= process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
  say(`A registry at ${registry.host} with the image team/hello:1, made just now.`);
  return `${registry.host}/team/hello:1`;
}

async function download(url: string, file: string): Promise<void> {
  const answer = await fetch(url);
  if (!answer.ok || answer.body === null) throw new Error(`The download was answered with ${answer.status}.`);
  await pipeline(Readable.fromWeb(answer.body), createWriteStream(file));
}

function say(line: string): void {
  console.log(line);
}
