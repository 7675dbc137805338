import type { HttpResponseInit, InvocationContext } from '@azure/functions';
import { parseEnsureBody } from '../../api/ensureBody.ts';
import type { ImageView, RefusedView } from '../../api/views.ts';
import type { CacheError } from '../../errors.ts';
import { parseImageRequest } from '../../image/imageRequest.ts';
import type { Runs } from '../../runs/messages.ts';
import { type EnsureContext, ensureImage } from '../../service/ensureImage.ts';
import { asCacheError } from '../asCacheError.ts';
import { json } from './handler.ts';
import { imageView } from './imageViews.ts';
import { problem } from './problem.ts';

/**
 * Answers `{"image": …}` or `{"images": […]}`: 200 where all are ready, 202 where some are pending. An array answers
 * per image, in order; where one is refused, the answer is the first such problem's, with all of them in `images`.
 */
export async function ensureImages(
  body: unknown,
  context: EnsureContext,
  runs: Runs,
  invocation: InvocationContext,
): Promise<HttpResponseInit> {
  const { images, platform, isList } = parseEnsureBody(body);
  const ensure = async (image: string): Promise<ImageView> => {
    const request = parseImageRequest(image, platform, context.config.defaultPlatform);
    return imageView(request, await ensureImage(context, runs, request));
  };
  const [first = ''] = images;
  if (!isList) {
    const view = await ensure(first);
    return view.state === 'ready' ? json(200, view) : json(202, view, { Location: location(view) });
  }
  const answers = await Promise.all(
    images.map((image) =>
      ensure(image).catch((error: unknown) => ({ image, refused: asCacheError(error, invocation) })),
    ),
  );
  const views = answers.map((answer) => ('refused' in answer ? refusedView(answer) : answer));
  const failure = answers.find((answer) => 'refused' in answer);
  if (failure !== undefined) return problem(failure.refused, invocation, { images: views });
  return json(views.every(({ state }) => state === 'ready') ? 200 : 202, { images: views });
}

function refusedView({ image, refused }: { image: string; refused: CacheError }): RefusedView {
  return { state: 'failed', requested: image, error: refused.toFailure() };
}

function location({ image, platform }: ImageView): string {
  return `/api/images?${new URLSearchParams({ image, platform }).toString()}`;
}
