import * as z from 'zod/mini';
import { printable } from '../image/printable.ts';
import { MAX_WAIT_SECONDS, PAGE_SIZE, RUNS_LIMIT, STATISTICS_DAYS } from './limits.ts';

/**
 * What callers send in a query. An error of a schema is a sentence for the caller that names the parameter;
 * src/functions/http/query.ts reads a request by one of these.
 */

const image = z
  .string({ error: 'The query has no image. Write, for example, ?image=ubuntu:24.04.' })
  .check(z.describe('The name, as for `docker pull`: `ubuntu:24.04`.'));
const platform = z.exactOptional(
  z
    .string()
    .check(
      z.describe("`os/architecture[/variant]`, or an architecture for Linux; else the service's default."),
    ),
);
const format = z._default(
  z
    .enum(['json', 'env'], {
      error: ({ input }) => `format "${printable(String(input), 50)}" is not known: it is json or env.`,
    })
    .check(z.describe("JSON, or `NAME='value'` lines that a POSIX shell can source.")),
  'json',
);

/** A number in a query; what is none, or out of its range, is told with the range. */
export function wholeNumber(
  name: string,
  { least, most, fallback }: { readonly least: number; readonly most: number; readonly fallback: number },
  description: string,
) {
  const error = ({ input }: { input?: unknown }): string =>
    `${name} is "${printable(String(input), 50)}"; it must be a whole number from ${least} to ${most}.`;
  const range = z
    .int({ error })
    .check(z.gte(least, { error }), z.lte(most, { error }), z.describe(description));
  return z._default(range, fallback);
}

/** True or false in a query. */
function flag(name: string, fallback: boolean, description: string) {
  const error = ({ input }: { input?: unknown }): string =>
    `${name} is "${printable(String(input), 50)}"; it must be true or false.`;
  return z._default(z.boolean({ error }).check(z.describe(description)), fallback);
}

export const EnsureQuery = z.object({ format });

/** Of one image: its state, or its removal. */
export const ImageQuery = z.object({ image, platform, format });

/** Storage answers these with a failure of its own. */
const NO_CONTROL_CHARACTER = /^\P{Cc}*$/u;

/** Of the catalogue, which is what is asked for without an image. */
export const CatalogueQuery = z.object({
  prefix: z.exactOptional(
    z.string().check(
      z.maxLength(1024, { error: "prefix has more than 1024 characters, which no blob's name has." }),
      z.regex(NO_CONTROL_CHARACTER, {
        error: "prefix has a control character, which no archive's name has.",
      }),
      z.describe("What the blobs' names begin with: `library/`."),
    ),
  ),
  continuation: z.exactOptional(
    z.string().check(
      z.regex(NO_CONTROL_CHARACTER, {
        error: 'The continuation is not one that this service gave out.',
      }),
      z.describe('From the page before.'),
    ),
  ),
  limit: wholeNumber('limit', PAGE_SIZE, 'Images of a page at most.'),
});

/**
 * Of both, for the API's description. What is left out stays out: a program that sends the defaults of one with the
 * other would be refused.
 */
export const ImagesQuery = z.partial(
  z.object({
    ...ImageQuery.shape,
    format: ImageQuery.shape.format.def.innerType,
    ...CatalogueQuery.shape,
    limit: CatalogueQuery.shape.limit.def.innerType,
  }),
);

export const LookupQuery = z.object({
  image,
  platform,
  format,
  wait: wholeNumber(
    'wait',
    { least: 0, most: MAX_WAIT_SECONDS, fallback: 0 },
    'Seconds to wait for an image that is on its way.',
  ),
  use: flag('use', true, 'Whether this is a use of the image; false for who only looks into its archive.'),
});

export const RunsQuery = z.object({
  state: z.exactOptional(
    z
      .enum(['pending', 'failed'], {
        error: ({ input }) => `state is "${printable(String(input), 50)}"; it must be pending or failed.`,
      })
      .check(z.describe('Only what is on its way, or only what failed.')),
  ),
  limit: wholeNumber('limit', RUNS_LIMIT, 'Images at most.'),
});

export const StatisticsQuery = z.object({
  days: wholeNumber('days', STATISTICS_DAYS, 'How far back.'),
});

export const PruneQuery = z.object({
  dryRun: flag('dryRun', false, 'Say what would be deleted, and delete nothing.'),
});

export const WarmQuery = z.object({
  dryRun: flag('dryRun', false, 'Say what would be cached, and cache nothing.'),
});

export const ReindexQuery = z.object({ continuation: CatalogueQuery.shape.continuation });

/** Of a registry's calls: containerd names the registry that it wants there. */
export const MirrorQuery = z.object({
  ns: z.exactOptional(
    z.string().check(z.describe('The registry that the app stands in for; else docker.io.')),
  ),
});
