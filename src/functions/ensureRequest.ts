import type { HttpResponseInit, InvocationContext } from '@azure/functions';
import type { CacheContext } from '../cache/context.ts';
import { ensureImage } from '../cache/ensure.ts';
import type { ImageView } from '../cache/representation.ts';
import type { Runs } from '../cache/runs.ts';
import { CacheError, type Failure } from '../errors.ts';
import { answer, type AnswerFormat } from './answerFormat.ts';
import { json } from './http.ts';
import { imageRequest } from './imageRequest.ts';
import { asCacheError, problem } from './problem.ts';

const MAX_IMAGES = 100;

/**
 * Answers `{"image": …}` or `{"images": […]}`: 200 where all are ready, 202 where some are pending. An array answers
 * per image, in order; where one is refused, the answer is the first such problem's, with all of them in `images`.
 * Lines of `format=env` have no place for a list: one image at a time.
 */
export async function ensureRequested(
  body: unknown,
  format: AnswerFormat,
  context: CacheContext,
  runs: Runs,
  invocation: InvocationContext,
): Promise<HttpResponseInit> {
  const { images, platform, isList } = parseBody(body);
  if (!isList) {
    const view = await ensureImage(context, runs, imageRequest(images[0] ?? '', platform, context.config));
    return view.state === 'ready'
      ? answer(format, 200, view)
      : answer(format, 202, view, { Location: location(view) });
  }
  if (format === 'env') {
    throw new CacheError(
      'invalid_request',
      'format=env answers one image, and a list is asked for. Send {"image": "…"} for each, or ask for format=json.',
    );
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
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return wrong('The body is not a JSON object.');
  const { image, images, platform } = body as Readonly<Record<string, unknown>>;
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
