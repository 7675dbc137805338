import type { ImageView, OtherView } from '../../api/views.ts';
import type { Command } from '../command.ts';
import { eachPage } from '../eachPage.ts';
import { EXIT } from '../exitCodes.ts';
import { formatAge, formatBytes, formatDuration, formatTable } from '../format.ts';
import { UsageError } from '../usageError.ts';

/** What images can be sorted by; the largest, newest and most recently used first, what goes next first. */
const SORTS: Readonly<Record<string, (a: ImageView, b: ImageView) => number>> = {
  name: (a, b) => compare(a.image, b.image),
  size: (a, b) => (b.size ?? 0) - (a.size ?? 0),
  created: (a, b) => compare(b.createdAt ?? '', a.createdAt ?? ''),
  used: (a, b) => compare(b.lastUsed ?? '', a.lastUsed ?? ''),
  // What is kept for ever goes last.
  prune: (a, b) => compare(a.pruneAfter ?? '~', b.pruneAfter ?? '~'),
};

export const list: Command = {
  name: 'list',
  operands: '[PREFIX]',
  least: 0,
  most: 1,
  summary: 'what is cached, by blob name',
  options: ['storage', 'sort', 'filter', 'json'],
  completes: [],
  run: async ({ names: [prefix], options: { sort, filter, json = false }, output, cache: find }) => {
    const order = sort === undefined ? undefined : SORTS[sort];
    if (sort !== undefined && order === undefined)
      throw new UsageError(`--sort ${sort}: it is one of ${Object.keys(SORTS).join(', ')}.`);
    const isWanted = matcher(filter);
    const cache = await find();
    const images: ImageView[] = [];
    const others: OtherView[] = [];
    for await (const page of eachPage(cache, prefix)) {
      images.push(...page.images.filter(isWanted));
      others.push(...(page.others ?? []));
    }
    if (order !== undefined) images.sort(order);
    if (json) output.json(images);
    else {
      for (const line of table(images, Date.now()).split('\n')) output.line(line);
      // For people; whoever reads the table by a program can add.
      if (output.progress.isTTY === true) output.message(sum(images));
    }
    if (filter === undefined)
      for (const { blob, reason } of others) output.message(`${blob} is no image. ${reason}`);
    return EXIT.done.code;
  },
};

/** By name: a text that is in it, or a pattern of the whole where it has a star. */
function matcher(filter: string | undefined): (image: ImageView) => boolean {
  if (filter === undefined) return () => true;
  const source = filter
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  const pattern = filter.includes('*')
    ? new RegExp(`^(?:docker\\.io/)?(?:library/)?${source}(?:@.*)?$`)
    : undefined;
  return ({ image }) => pattern?.test(image) ?? image.includes(filter);
}

function table(images: readonly ImageView[], now: number): string {
  const rows = images.map(({ image, platform, size, createdAt, lastUsed, pruneAfter }) => [
    image,
    platform,
    formatBytes(size ?? 0),
    createdAt === undefined ? '' : formatAge(createdAt, now),
    lastUsed === undefined ? '' : formatAge(lastUsed, now),
    pruneAfter === undefined ? '' : pruned(pruneAfter, now),
  ]);
  return formatTable(['IMAGE', 'PLATFORM', 'SIZE', 'CREATED', 'LAST USED', 'PRUNED'], rows);
}

function sum(images: readonly ImageView[]): string {
  const bytes = images.reduce((total, { size = 0 }) => total + size, 0);
  return `${images.length} ${images.length === 1 ? 'image' : 'images'}, ${formatBytes(bytes)}`;
}

function pruned(time: string, now: number): string {
  const seconds = (Date.parse(time) - now) / 1000;
  return Number.isNaN(seconds) ? '' : seconds <= 0 ? 'next' : `in ${formatDuration(seconds)}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
