import type { CacheContext } from '../context.ts';
import { CacheError } from '../errors.ts';
import { parseReference } from '../image/reference.ts';
import type { TagSelection } from '../image/tagSelection.ts';

/** An image that the settings want kept ready. */
export interface WantedImage {
  /** As for `docker pull`. */
  readonly requested: string;
  /** What wants it: WARM_IMAGES, or the entry of WARM_REPOSITORIES. */
  readonly wantedBy: string;
}

/** Repositories that could not be listed, or not to their end. */
export interface ListingFailure {
  /** The entry of WARM_REPOSITORIES. */
  readonly wantedBy: string;
  readonly error: CacheError;
}

export interface WantedImages {
  /** Each once. */
  readonly images: readonly WantedImage[];
  readonly failures: readonly ListingFailure[];
}

/** All that may be wanted; more is taken for a mistake in a pattern. */
const MOST_IMAGES = 1000;
/** Of one repository, the newest; a filter that takes fewer of them than are wanted finds no more behind them. */
const MOST_TAGS = 10_000;

/** What WARM_IMAGES and WARM_REPOSITORIES stand for now. Registries are asked for lists; what fails keeps no other back. */
export async function wantedImages({
  config,
  registry,
}: Pick<CacheContext, 'config' | 'registry'>): Promise<WantedImages> {
  const images = new Map<string, WantedImage>();
  const failures: ListingFailure[] = [];
  const want = (requested: string, wantedBy: string): void => {
    if (!images.has(requested)) images.set(requested, { requested, wantedBy });
  };
  for (const image of config.warmImages) want(image, 'WARM_IMAGES');
  for (const selection of config.warmRepositories) {
    const { text } = selection;
    try {
      for await (const image of selectedImages(registry, selection)) {
        if (images.size >= MOST_IMAGES && !images.has(image))
          throw tooMany(`More than ${MOST_IMAGES} images are wanted, of which the first`, text);
        want(image, text);
      }
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      failures.push({ wantedBy: text, error });
    }
  }
  return { images: [...images.values()], failures };
}

type Lists = Pick<CacheContext['registry'], 'listRepositories' | 'listTags'>;

async function* selectedImages(lists: Lists, selection: TagSelection): AsyncGenerator<string, void, void> {
  const { registry, repository } = selection;
  if (repository !== undefined) {
    yield* newestTags(lists, selection, repository);
    return;
  }
  for await (const name of lists.listRepositories(registry))
    if (selection.repositories.test(name)) yield* newestTags(lists, selection, name);
}

async function* newestTags(
  lists: Lists,
  { registry, newest, takes, text }: TagSelection,
  repository: string,
): AsyncGenerator<string, void, void> {
  let seen = 0;
  let taken = 0;
  for await (const tag of lists.listTags({ registry, repository })) {
    if (seen === MOST_TAGS)
      throw tooMany(`${registry}/${repository} has more than ${MOST_TAGS} tags, of which the newest`, text);
    seen += 1;
    if (!takes(tag)) continue;
    const image = `${registry}/${repository}:${tag}`;
    // The registry's words: what is no reference ends here, as an error.
    parseReference(image);
    yield image;
    taken += 1;
    if (taken === newest) return;
  }
}

function tooMany(what: string, text: string): CacheError {
  return new CacheError(
    'invalid_request',
    `${what} were looked at; the rest is left out. Narrow "${text}" in WARM_REPOSITORIES.`,
  );
}
