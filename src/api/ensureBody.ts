import * as z from 'zod/mini';
import { CacheError } from '../errors.ts';
import { isObject } from '../image/json.ts';
import { printable } from '../image/printable.ts';
import { MAX_IMAGES } from './limits.ts';
import { COMPONENTS } from './schema.ts';

/** The errors of these schemas are sentences for the caller, each of which names what is wrong. */
const NEITHER = 'There is neither an image nor a list of images.';

const platform = z.exactOptional(
  z
    .string({ error: 'platform is not a string.' })
    .check(
      z.describe("`os/architecture[/variant]`, or an architecture for Linux; else the service's default."),
    ),
);

/** A misspelt platform must not become another image. */
const unknownMember = ({ code, keys }: { readonly code?: string; readonly keys?: readonly string[] }) =>
  code === 'unrecognized_keys'
    ? `"${printable(keys?.[0] ?? '', 50)}" is not known: a body has image or images, and platform.`
    : undefined;

export const OneImage = z
  .strictObject(
    {
      image: z
        .string({ error: 'image is not a string.' })
        .check(z.describe('The name, as for `docker pull`: `ubuntu:24.04`.')),
      platform,
    },
    { error: unknownMember },
  )
  .register(COMPONENTS, { id: 'OneImage', description: 'One image, for one answer.' });

export const ManyImages = z
  .strictObject(
    {
      images: z
        .array(z.string({ error: 'An image is not a string.' }), { error: NEITHER })
        .check(
          z.minLength(1, { error: NEITHER }),
          z.maxLength(MAX_IMAGES, { error: `More than ${MAX_IMAGES} images are asked for at once.` }),
          z.describe('Names as for `docker pull`. Each is answered in its place.'),
        ),
      platform,
    },
    { error: unknownMember },
  )
  .register(COMPONENTS, { id: 'ManyImages', description: 'Several images, for an answer each.' });

/** What is asked for by `POST /api/images`. */
export interface EnsureBody {
  readonly images: readonly string[];
  readonly platform: string | undefined;
  readonly isList: boolean;
}

/** @throws {CacheError} invalid_request, saying what is wrong and what to send */
export function parseEnsureBody(body: unknown): EnsureBody {
  if (!isObject(body)) throw wrong('The body is not a JSON object.');
  if (body.image === undefined) {
    const { images, platform } = checked(ManyImages, body);
    return { images, platform, isList: true };
  }
  if (body.images !== undefined) throw wrong('Both image and images are set.');
  const { image, platform } = checked(OneImage, body);
  return { images: [image], platform, isList: false };
}

function checked<Schema extends z.core.$ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = z.safeParse(schema, body);
  if (result.success) return result.data;
  throw wrong(result.error.issues[0]?.message ?? '');
}

function wrong(why: string): CacheError {
  return new CacheError(
    'invalid_request',
    `${why} Send {"image": "ubuntu:24.04"} or {"images": ["…", "…"]}.`,
  );
}
