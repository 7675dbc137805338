import type { HttpResponseInit, InvocationContext } from '@azure/functions';
import { parseEnsureBody } from '../../../api/ensureBody.ts';
import type { ImageView, RefusedView } from '../../../api/views.ts';
import { CacheError } from '../../../errors.ts';
import { parseImageRequest } from '../../../image/imageRequest.ts';
import type { Runs } from '../../../runs/messages.ts';
import { type EnsureContext, ensureImage } from '../../../service/ensureImage.ts';
import { asCacheError } from '../../asCacheError.ts';
import { answer, type AnswerFormat, json } from '../answerFormat.ts';
import { imageView } from '../../../service/imageViews.ts';
import { problem } from '../problem.ts';

/**
 * Answers `{"image": …}` or `{"images": […]}`: 200 where all are ready, 202 where some are pending. An array answers
 * per image, in order; where one is refused, the answer is the first such problem's, with all of them in `images`.
 * Lines of `format=env` have no place for a list: one image at a time.
 */
export async function ensureImages(
  body: unknown,
  format: AnswerFormat,
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
  const ensured = await Promise.all(
    images.map((image) =>
      ensure(image).catch((error: unknown) => ({ image, refused: asCacheError(error, invocation) })),
    ),
  );
  const views = ensured.map((one) => ('refused' in one ? refusedView(one) : one));
  const failure = ensured.find((one) => 'refused' in one);
  if (failure !== undefined) return problem(failure.refused, invocation, { images: views });
  return json(views.every(({ state }) => state === 'ready') ? 200 : 202, { images: views });
}

function refusedView({ image, refused }: { image: string; refused: CacheError }): RefusedView {
  return { state: 'failed', requested: image, error: refused.toFailure() };
}

function location({ image, platform }: ImageView): string {
  return `/api/images?${new URLSearchParams({ image, platform }).toString()}`;
}
