import { parseArgs } from 'node:util';
import type { ImageView } from '../api/views.ts';
import { VERSION } from '../version.ts';
import { addImages } from './add.ts';
import { formatBytes, formatTable } from './format.ts';
import { ImageCacheService, ServiceError } from './imageCacheService.ts';

const USAGE = `image-cache ${VERSION}: container images as archives in blob storage

  image-cache add IMAGE…      cache images, and wait until they are ready
  image-cache lookup IMAGE    where an image is, and how to run it (counts as a use)
  image-cache list [PREFIX]   what is cached, by blob name
  image-cache remove IMAGE…   delete images from the cache

  --service URL      the service; else IMAGE_CACHE_URL, else http://127.0.0.1:7071
  --platform P       os/architecture[/variant]; else the service's default
  --no-wait          add: ask, and do not wait
  --json             answers as JSON on standard output
  --help, --version

A function key is read from IMAGE_CACHE_KEY, an Entra token from IMAGE_CACHE_TOKEN.
Exit code: 0 done, 1 something failed, 2 the command could not be understood.
`;

class UsageError extends Error {}

/** Runs one command. @returns the exit code */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help === true) return say(USAGE);
    if (values.version === true) return say(`${VERSION}\n`);
    const service = new ImageCacheService({
      url: values.service ?? env.IMAGE_CACHE_URL ?? 'http://127.0.0.1:7071',
      key: env.IMAGE_CACHE_KEY,
      token: env.IMAGE_CACHE_TOKEN,
    });
    const [command, ...names] = positionals;
    const { platform, json = false } = values;
    switch (command) {
      case 'add':
        return await add(service, some(names), platform, values['no-wait'] !== true, json);
      case 'lookup':
        return await lookup(service, one(names), platform, json);
      case 'list':
        return await list(service, names.length === 0 ? undefined : one(names), json);
      case 'remove':
        return await remove(service, some(names), platform, json);
      default:
        throw new UsageError(
          command === undefined ? 'No command is given.' : `"${command}" is not a command.`,
        );
    }
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`image-cache: ${error.message}\n\n${USAGE}`);
      return 2;
    }
    if (!(error instanceof ServiceError)) throw error;
    process.stderr.write(`image-cache: ${error.message}\n`);
    return 1;
  }
}

async function add(
  service: ImageCacheService,
  names: readonly string[],
  platform: string | undefined,
  wait: boolean,
  json: boolean,
): Promise<number> {
  const views = await addImages(service, names, { platform, wait, progress: process.stderr });
  if (json) say(`${JSON.stringify(views, null, 2)}\n`);
  for (const view of views) {
    if (view.state === 'ready' && !json) say(`${view.runRef ?? ''}\n`);
    if (view.state === 'failed')
      process.stderr.write(`image-cache: ${view.error?.detail ?? view.requested}\n`);
    if ('notes' in view)
      for (const note of view.notes) process.stderr.write(`image-cache: ${view.requested}: ${note}\n`);
    if (view.state === 'absent') process.stderr.write(`image-cache: ${view.requested} is gone. Ask again.\n`);
  }
  return views.every(({ state }) => state === 'ready' || (state === 'pending' && !wait)) ? 0 : 1;
}

async function lookup(
  service: ImageCacheService,
  name: string,
  platform: string | undefined,
  json: boolean,
): Promise<number> {
  const view = await service.lookup(name, platform);
  say(json ? `${JSON.stringify(view, null, 2)}\n` : details(view));
  return 0;
}

async function list(service: ImageCacheService, prefix: string | undefined, json: boolean): Promise<number> {
  const images: ImageView[] = [];
  let continuation: string | undefined;
  do {
    const page = await service.list(prefix, continuation);
    images.push(...page.images);
    continuation = page.continuation;
  } while (continuation !== undefined);
  if (json) return say(`${JSON.stringify(images, null, 2)}\n`);
  const rows = images.map((view) => [
    view.image,
    view.platform,
    formatBytes(view.size ?? 0),
    view.lastUsed ?? '',
  ]);
  return say(`${formatTable(['IMAGE', 'PLATFORM', 'SIZE', 'LAST USED'], rows)}\n`);
}

async function remove(
  service: ImageCacheService,
  names: readonly string[],
  platform: string | undefined,
  json: boolean,
): Promise<number> {
  const removed: ImageView[] = [];
  let failed = false;
  for (const name of names) {
    try {
      removed.push(await service.remove(name, platform));
      if (!json) say(`removed ${name}\n`);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      failed = true;
      process.stderr.write(`image-cache: ${error.message}\n`);
    }
  }
  if (json) say(`${JSON.stringify(removed, null, 2)}\n`);
  return failed ? 1 : 0;
}

/** One member a line. */
function details(view: object): string {
  return formatTable(
    ['', ''],
    Object.entries(view).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )
    .replace(/^\s*\n/, '')
    .concat('\n');
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        service: { type: 'string' },
        platform: { type: 'string' },
        'no-wait': { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function some(names: readonly string[]): readonly string[] {
  if (names.length === 0) throw new UsageError('No image is named.');
  return names;
}

function one(names: readonly string[]): string {
  const [name, ...rest] = names;
  if (name === undefined || rest.length > 0) throw new UsageError('Name exactly one.');
  return name;
}

function say(text: string): 0 {
  process.stdout.write(text);
  return 0;
}
