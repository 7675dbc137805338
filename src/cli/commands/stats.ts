import type { StatisticsView } from '../../api/operatorViews.ts';
import type { ImageView } from '../../api/views.ts';
import type { Command } from '../command.ts';
import { eachPage } from '../eachPage.ts';
import { EXIT } from '../exitCodes.ts';
import { formatAge, formatBytes, formatTable } from '../format.ts';

const DAYS = 30;
const LARGEST = 10;

export const stats: Command = {
  name: 'stats',
  operands: '',
  least: 0,
  most: 0,
  summary: `the store's size, its largest repositories, and lookups of ${DAYS} days`,
  options: ['storage', 'json'],
  completes: [],
  run: async ({ options: { json = false }, output, cache: find }) => {
    const cache = await find();
    const { series } = await cache.statistics(DAYS);
    const store = new StoreFigures();
    for await (const { images } of eachPage(cache)) for (const image of images) store.add(image);
    const lookups = totals(series);
    if (json) output.json({ ...store.view(), lookups });
    else for (const line of lines(store, lookups)) output.line(line);
    return EXIT.done.code;
  },
};

interface RepositoryFigures {
  readonly repository: string;
  readonly images: number;
  readonly bytes: number;
}

/** What a listing adds up to: of the images, only figures are kept. */
class StoreFigures {
  readonly #repositories = new Map<string, RepositoryFigures>();
  #images = 0;
  #bytes = 0;
  #oldest: string | undefined;
  #leastRecent: string | undefined;

  add({ image, size = 0, createdAt, lastUsed }: ImageView): void {
    const repository = image.replace(/@.*$/, '').replace(/:[^/]*$/, '');
    const { images, bytes } = this.#repositories.get(repository) ?? { images: 0, bytes: 0 };
    this.#repositories.set(repository, { repository, images: images + 1, bytes: bytes + size });
    this.#images += 1;
    this.#bytes += size;
    if (createdAt !== undefined && (this.#oldest === undefined || createdAt < this.#oldest))
      this.#oldest = createdAt;
    if (lastUsed !== undefined && (this.#leastRecent === undefined || lastUsed < this.#leastRecent))
      this.#leastRecent = lastUsed;
  }

  view() {
    const largest = [...this.#repositories.values()].sort((a, b) => b.bytes - a.bytes).slice(0, LARGEST);
    return {
      images: this.#images,
      bytes: this.#bytes,
      repositories: this.#repositories.size,
      oldest: this.#oldest,
      leastRecentlyUsed: this.#leastRecent,
      largest,
    };
  }
}

type Lookups = Readonly<Record<(typeof OUTCOMES)[number], number>>;

const OUTCOMES = ['hits', 'stale', 'pending', 'misses', 'failed'] as const;

function totals(series: StatisticsView['series']): Lookups {
  const sum = (name: (typeof OUTCOMES)[number]): number =>
    series.reduce((total, point) => total + (point[name] ?? 0), 0);
  const [hits, stale, pending, misses, failed] = OUTCOMES.map(sum) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { hits, stale, pending, misses, failed };
}

function lines(store: StoreFigures, lookups: Lookups): string[] {
  const { images, bytes, repositories, oldest, leastRecentlyUsed, largest } = store.view();
  const now = Date.now();
  const asked = OUTCOMES.reduce((total, name) => total + lookups[name], 0);
  const served =
    asked === 0 ? '' : ` (${Math.round(((lookups.hits + lookups.stale) / asked) * 100)} % served)`;
  return [
    `${images} images of ${repositories} repositories, ${formatBytes(bytes)}`,
    ...(oldest === undefined ? [] : [`oldest: cached ${formatAge(oldest, now)}`]),
    ...(leastRecentlyUsed === undefined ? [] : [`least recently used: ${formatAge(leastRecentlyUsed, now)}`]),
    `lookups of ${DAYS} days: ${OUTCOMES.map((name) => `${lookups[name]} ${name}`).join(', ')}${served}`,
    ...(largest.length === 0
      ? []
      : formatTable(
          ['LARGEST', 'IMAGES', 'SIZE'],
          largest.map((one) => [one.repository, String(one.images), formatBytes(one.bytes)]),
        ).split('\n')),
  ];
}
