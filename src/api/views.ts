import * as z from 'zod/mini';
import { ERROR_CODES } from '../errors.ts';
import { COMPONENTS, count, digest, optionalText, type Parsed, text, time } from './schema.ts';

/**
 * What the service answers, as JSON. Times are ISO 8601 in UTC, sizes bytes. The schemas are what the OpenAPI document
 * shows, and what the answers' types are made of; docs/http.md says what each call gives.
 */

export const ErrorCode = z.enum(ERROR_CODES).register(COMPONENTS, {
  id: 'ErrorCode',
  description: 'What went wrong. The set is closed, and each code has one status.',
});

const failureMembers = {
  code: ErrorCode,
  detail: text('What happened, to what, and what to do.'),
  retryable: z
    .boolean()
    .check(z.describe('Whether it may go away by itself, so that asking again makes sense.')),
  retryAfterSeconds: z.exactOptional(count('When to ask again; only where retryable.')),
};

export const FailureView = z.object(failureMembers).register(COMPONENTS, {
  id: 'Failure',
  description: 'An error that is part of an answer.',
});

/** An error as its caller sees it. https://www.rfc-editor.org/rfc/rfc9457 */
export const Problem = z
  .object({
    title: text('The status in words.'),
    status: z.int().check(z.gte(400), z.lte(599), z.describe('The status of the answer.')),
    ...failureMembers,
  })
  .register(COMPONENTS, { id: 'Problem', description: 'An error, as RFC 9457 has it.' });
export type Problem = Parsed<typeof Problem>;

export const ProgressView = z
  .object({
    phase: z.enum(['resolving', 'copying', 'waiting', 'committing']),
    stagedBytes: z.exactOptional(count('Bytes of the archive that are in storage.')),
    totalBytes: z.exactOptional(count('Bytes of the whole archive.')),
    waiting: z.exactOptional(
      z
        .object({ code: ErrorCode, detail: z.string(), until: time('When it goes on.') })
        .check(z.describe('Why nothing moves, and until when.')),
    ),
  })
  .register(COMPONENTS, { id: 'Progress', description: 'How far an image is that is on its way.' });
export type ProgressView = Parsed<typeof ProgressView>;

/** An image as every call of the service shows it. */
export const ImageView = z
  .object({
    state: z.enum(['ready', 'pending', 'failed', 'absent']),
    requested: text('As the caller wrote it.'),
    image: text("With Docker's defaults written out."),
    platform: text('os/architecture[/variant]'),
    manifestDigest: z.exactOptional(digest("Of the platform's manifest.")),
    indexDigest: z.exactOptional(digest('Of the index that led to it.')),
    imageId: z.exactOptional(
      digest("Of the config: what `docker image inspect` calls Id on Docker's classic image store."),
    ),
    runRef: optionalText("The name under which the loaded image runs, on both of Docker's image stores."),
    tagAs: optionalText('The tag to add after loading, where the caller asked by tag.'),
    blob: optionalText("The archive's name in its container."),
    size: z.exactOptional(count('Bytes of the archive.')),
    lastUsed: z.exactOptional(time('When it was asked for last.')),
    createdAt: z.exactOptional(time('When it was cached.')),
    pruneAfter: z.exactOptional(time('When prune deletes it if nobody uses it before; catalogue only.')),
    tags: z.exactOptional(
      z
        .array(z.string())
        .check(z.describe('Tags that an archive which was put there by hand names; absent of others.')),
    ),
    format: z.exactOptional(
      z
        .enum(['docker', 'oci'])
        .check(
          z.describe('Of an archive that was put there by hand: as docker save writes it, or an OCI layout.'),
        ),
    ),
    encoding: z.exactOptional(
      z.enum(['gzip']).check(z.describe('The whole archive is compressed; only one that was put there is.')),
    ),
    notes: z.exactOptional(
      z
        .array(z.string())
        .check(
          z.minLength(1),
          z.describe('What to know of it, as sentences: above all, what cannot load it.'),
        ),
    ),
    stale: z.exactOptional(
      z.boolean().check(z.describe('The tag may stand for something newer, which is not cached (yet).')),
    ),
    progress: z.exactOptional(ProgressView),
    error: z.exactOptional(FailureView),
  })
  .register(COMPONENTS, { id: 'Image', description: 'An image. Members that are not known are left out.' });
export type ImageView = Parsed<typeof ImageView>;

/** An image of a list that was refused before anything was known of it. */
export const RefusedView = z
  .object({ state: z.literal('failed'), requested: text('As the caller wrote it.'), error: FailureView })
  .register(COMPONENTS, { id: 'RefusedImage', description: 'An image of a list that was refused at once.' });
export type RefusedView = Parsed<typeof RefusedView>;

/** The images of a list, each in its place. */
export const EnsuredList = z
  .object({ images: z.array(z.union([ImageView, RefusedView])) })
  .register(COMPONENTS, {
    id: 'EnsuredList',
    description: 'The images that were asked for, each in its place.',
  });
export type EnsuredList = Parsed<typeof EnsuredList>;

/** The first problem of a list, with all its images. */
export const ListProblem = z.extend(Problem, EnsuredList.shape).register(COMPONENTS, {
  id: 'ListProblem',
  description: 'The first problem of a list, with all its images.',
});

/** A blob among the archives that is none. */
export const OtherView = z
  .object({
    blob: text('Its name in the container.'),
    size: count('Bytes.'),
    reason: text('Why it is not served.'),
  })
  .register(COMPONENTS, { id: 'OtherBlob', description: 'A blob that is no archive, and is left alone.' });
export type OtherView = Parsed<typeof OtherView>;

/** A page of all cached images, by blob name. */
export const CataloguePage = z
  .object({
    images: z.array(ImageView),
    others: z.exactOptional(
      z.array(OtherView).check(z.describe('Blobs that are no archives; absent where there are none.')),
    ),
    continuation: optionalText('Pass it on to get the next page; absent on the last one.'),
  })
  .register(COMPONENTS, {
    id: 'CataloguePage',
    description: 'Cached images by blob name. A page may be empty.',
  });
export type CataloguePage = Parsed<typeof CataloguePage>;

/** A lookup's image: what a node needs to fetch and run it. */
export const LookupView = z
  .extend(ImageView, {
    url: optionalText('Reads the archive, and nothing else, until urlExpires.'),
    urlExpires: z.exactOptional(time('When the URL ends.')),
    diffIdsDigest: z.exactOptional(
      digest("Of the image's diff ids, a line each, where its ids after loading cannot be known."),
    ),
    loadPrefix: optionalText(
      'Base64: what to put in front of the archive for docker load, unpacked where it is gzipped.',
    ),
  })
  .register(COMPONENTS, {
    id: 'LookedUpImage',
    description: 'An image, with where to download its archive.',
  });
export type LookupView = Parsed<typeof LookupView>;

/** A lookup's image for a node that has some of its layers. */
export const PartialView = z
  .extend(LookupView, {
    ranges: z.exactOptional(
      z
        .array(z.string().check(z.regex(/^[0-9]+-[0-9]+$/)))
        .check(
          z.describe(
            '`start-end` in bytes, end included: put together, the archive without the layers that the node holds.',
          ),
        ),
    ),
    rangesSize: z.exactOptional(count('Bytes of all ranges.')),
    layers: z.exactOptional(count('Layers of the image.')),
    layersHeld: z.exactOptional(count('How many of them, from the bottom, the ranges leave out.')),
  })
  .register(COMPONENTS, {
    id: 'PartialImage',
    description: 'An image, with what a node has to download beside the layers that it holds.',
  });
export type PartialView = Parsed<typeof PartialView>;

export const Health = z
  .object({
    status: z.literal('ok'),
    version: text('Of the app.'),
    layout: text("Of the rules that decide an archive's bytes."),
    node: text('The version of Node.js.'),
  })
  .register(COMPONENTS, { id: 'Health', description: 'Storage answers, and images can be kept.' });
export type Health = Parsed<typeof Health>;
