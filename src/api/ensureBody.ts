import { CacheError } from '../errors.ts';
import { isObject } from '../image/json.ts';

/** Images of one request. */
const MAX_IMAGES = 100;

/** The body of `POST /api/images`: `{"image": …}`, or `{"images": […]}` for an answer per image. */
export interface EnsureBody {
  readonly images: readonly string[];
  readonly platform: string | undefined;
  readonly isList: boolean;
}

/** @throws {CacheError} invalid_request, saying what is wrong and what to send */
export function parseEnsureBody(body: unknown): EnsureBody {
  const wrong = (why: string): never => {
    throw new CacheError(
      'invalid_request',
      `${why} Send {"image": "ubuntu:24.04"} or {"images": ["…", "…"]}.`,
    );
  };
  if (!isObject(body)) return wrong('The body is not a JSON object.');
  const { image, images, platform } = body;
  if (platform !== undefined && typeof platform !== 'string') return wrong('platform is not a string.');
  if (typeof image === 'string' && images === undefined) return { images: [image], platform, isList: false };
  if (image !== undefined)
    return wrong(images === undefined ? 'image is not a string.' : 'Both image and images are set.');
  if (!Array.isArray(images) || images.length === 0)
    return wrong('There is neither an image nor a list of images.');
  if (images.length > MAX_IMAGES) return wrong(`More than ${MAX_IMAGES} images are asked for at once.`);
  const texts = images.filter((item) => typeof item === 'string');
  return texts.length === images.length
    ? { images: texts, platform, isList: true }
    : wrong('An image is not a string.');
}
