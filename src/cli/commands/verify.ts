import { Readable } from 'node:stream';
import type { LookupView } from '../../api/views.ts';
import { streamedEntries } from '../../archive/streamedEntries.ts';
import { verifyArchive } from '../../archive/verifyArchive.ts';
import { verifySaved } from '../../archive/verifySaved.ts';
import type { Command } from '../command.ts';
import { eachPage } from '../eachPage.ts';
import { EXIT, exitCodeOf, exitCodeOfAll } from '../exitCodes.ts';
import { formatBytes } from '../format.ts';
import { type ImageCache, isTold, ServiceError } from '../service/imageCacheService.ts';
import { UsageError } from '../usageError.ts';

/** What became of one archive. */
interface Verdict {
  readonly image: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly code: number;
}

export const verify: Command = {
  name: 'verify',
  operands: '[IMAGE…]',
  least: 0,
  most: Infinity,
  summary: 'read archives again, and prove every digest and diff id',
  options: ['storage', 'all', 'platform', 'json'],
  completes: 'images',
  run: async ({ names, options: { all = false, platform, json = false }, output, signal, cache: find }) => {
    if (all === names.length > 0) throw new UsageError('verify: name images, or say --all.');
    const cache = await find();
    const verdicts: Verdict[] = [];
    for await (const [image, on] of all ? everyImage(cache) : named(names, platform)) {
      const verdict = await verdictOn(cache, image, on, signal);
      verdicts.push(verdict);
      if (!json && verdict.ok) output.line(`${image}: ${verdict.detail}`);
      if (!verdict.ok) output.message(`${image}: ${verdict.detail}`);
    }
    if (json) output.json(verdicts.map(({ image, ok, detail }) => ({ image, ok, detail })));
    return exitCodeOfAll(verdicts.map(({ code }) => code));
  },
};

type Wanted = readonly [image: string, platform: string | undefined];

async function* everyImage(cache: ImageCache): AsyncGenerator<Wanted> {
  for await (const { images } of eachPage(cache))
    for (const { image, platform } of images) yield [image.replace(/:[^/@]*@/, '@'), platform];
}

function* named(names: readonly string[], platform: string | undefined): Generator<Wanted> {
  for (const name of names) yield [name, platform];
}

async function verdictOn(
  cache: ImageCache,
  image: string,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    const view = await cache.inspect(image, platform);
    if (view.state !== 'ready' || view.url === undefined)
      return { image, ok: false, detail: 'it is on its way', code: EXIT.notNow.code };
    const archive = await download(view.url, signal);
    try {
      return { image, ok: true, detail: await prove(archive, view), code: EXIT.done.code };
    } finally {
      archive.destroy();
    }
  } catch (error) {
    signal.throwIfAborted();
    const detail = error instanceof Error ? error.message : String(error);
    const code = isTold(error) ? exitCodeOf(error) : EXIT.failed.code;
    return { image, ok: false, detail, code };
  }
}

/** @throws {Error} saying what is wrong with it, or that it is another image's */
async function prove(archive: Readable, view: LookupView): Promise<string> {
  if (view.format !== undefined) {
    const { images } = await verifySaved(streamedEntries(archive, view.encoding === 'gzip'));
    const [image] = images;
    if (image?.config !== view.imageId) throw new Error('it holds another image than its metadata says');
    return `right: ${image?.diffIds.length ?? 0} layers by their diff ids, ${formatBytes(view.size ?? 0)}`;
  }
  const { manifestDigest, layers, unpackedBytes } = await verifyArchive(archive);
  if (manifestDigest !== view.manifestDigest)
    throw new Error(`it holds ${manifestDigest}, not ${view.manifestDigest ?? ''}`);
  return `right: manifest, config and ${layers} layers, ${formatBytes(view.size ?? 0)} (${formatBytes(unpackedBytes)} unpacked)`;
}

async function download(url: string, signal: AbortSignal): Promise<Readable> {
  let answer: Response;
  try {
    answer = await fetch(url, { signal, redirect: 'error' });
  } catch (cause) {
    signal.throwIfAborted();
    throw new ServiceError('storage_unavailable', 'its storage does not answer; can this machine reach it?', {
      cause,
      retryable: true,
    });
  }
  if (!answer.ok || answer.body === null)
    throw new ServiceError('storage_unavailable', `its storage answered ${answer.status}`, {
      retryable: true,
    });
  return Readable.fromWeb(answer.body);
}
