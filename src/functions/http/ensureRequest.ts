import type { HttpResponseInit, InvocationContext } from '@azure/functions';
import type { CacheContext } from '../../context.ts';
import { ensureImage } from '../../service/ensureImage.ts';
import type { ImageView } from '../../api/views.ts';
import type { Runs } from '../../runs/messages.ts';
import { CacheError, type Failure } from '../../errors.ts';
import { isObject } from '../../image/json.ts';
import { json } from './handler.ts';
import { imageRequest } from './imageRequest.ts';
import { asCacheError, problem } from './problem.ts';

const MAX_IMAGES = 100;

/**
 * Answers `{"image": …}` or `{"images": […]}`: 200 where all are ready, 202 where some are pending. An array answers
 * per image, in order; where one is refused, the answer is the first such problem's, with all of them in `images`.
 */
export async function ensureRequested(
  body: unknown,
  context: CacheContext,
  runs: Runs,
  invocation: InvocationContext,
): Promise<HttpResponseInit> {
  const { images, platform, isList } = parseBody(body);
  if (!isList) {
    const view = await ensureImage(context, runs, imageRequest(images[0] ?? '', platform, context.config));
    return view.state === 'ready' ? json(200, view) : json(202, view, { Location: location(view) });
  }
  const failures: (CacheError | undefined)[] = images.map(() => undefined);
  const views = await Promise.all(
    images.map(async (image, index): Promise<ImageView | RefusedView> => {
      try {
        return await ensureImage(context, runs, imageRequest(image, platform, context.config));
      } catch (error) {
        const failure = asCacheError(error, invocation);
        failures[index] = failure;
        return { state: 'failed', requested: image, error: failure.toFailure() };
      }
    }),
  );
  const first = failures.find((failure) => failure !== undefined);
  if (first !== undefined) return problem(first, invocation, { images: views });
  return json(views.every(({ state }) => state === 'ready') ? 200 : 202, { images: views });
}

/** An image of an array that was refused before anything was known of it. */
interface RefusedView {
  readonly state: 'failed';
  readonly requested: string;
  readonly error: Failure;
}

function parseBody(body: unknown): { images: string[]; platform: string | undefined; isList: boolean } {
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

function location({ image, platform }: ImageView): string {
  return `/api/images?${new URLSearchParams({ image, platform }).toString()}`;
}
