import { app } from '@azure/functions';
import { input } from 'durable-functions';
import { LookupQuery } from '../../../api/queries.ts';
import { lookupImage, type UsableImage } from '../../../service/lookupImage.ts';
import { partialLookup } from '../../../service/partialLookup.ts';
import { CacheError } from '../../../errors.ts';
import { type Digest, isDigest } from '../../../image/digest.ts';
import { type ImageRequest, parseImageRequest } from '../../../image/imageRequest.ts';
import { formatPlatform } from '../../../image/platform.ts';
import { printable } from '../../../image/printable.ts';
import { canonicalReference } from '../../../image/reference.ts';
import type { PendingImage } from '../../../service/describeImage.ts';
import type { LookupOutcome } from '../../../telemetry/serviceEvents.ts';
import type { AppContext } from '../../appContext.ts';
import { durableRuns } from '../../durable/durableRuns.ts';
import { answer } from '../answerFormat.ts';
import { handler } from '../handler.ts';
import { lookupView, partialView } from '../../../service/imageViews.ts';
import { readQuery } from '../query.ts';
import { readText } from '../requestBody.ts';

/** What a node is told to wait before it asks again for a pending image, in seconds. */
const RETRY_AFTER = { 'Retry-After': '5' };

/**
 * POST takes the layers that the node holds, as text: a line per local image, its diff ids separated by blanks or
 * commas, bottom first. The answer then names the byte ranges that leave those layers out.
 */
app.http('lookup', {
  route: 'api/lookup',
  methods: ['GET', 'POST'],
  authLevel: 'function',
  extraInputs: [input.durableClient()],
  handler: handler(async (request, context, invocation) => {
    const { format, wait, use, ...asked } = readQuery(request, LookupQuery);
    const image = parseImageRequest(asked.image, asked.platform, context.config.defaultPlatform);
    const held = request.method === 'POST' ? parseHeldLayers(await readText(request)) : undefined;
    const looking = lookupImage(context, durableRuns(invocation), image, wait, use);
    const found = await (use ? counted(context, image, looking) : looking);
    const partial =
      held === undefined || found.state !== 'ready'
        ? undefined
        : await partialLookup(context, found.cached, held);
    const whole = lookupView(image, found);
    const view = partial === undefined ? whole : partialView(whole, partial);
    return view.state === 'ready' ? answer(format, 200, view) : answer(format, 202, view, RETRY_AFTER);
  }),
});

/** A lookup, told to whoever counts hits and misses. */
async function counted(
  { events }: AppContext,
  { ref, platform }: ImageRequest,
  looking: Promise<UsableImage | PendingImage>,
): Promise<UsableImage | PendingImage> {
  const tell = (outcome: LookupOutcome, size?: number): void =>
    events.emit({
      type: 'lookup',
      outcome,
      image: canonicalReference(ref),
      platform: formatPlatform(platform),
      ...(size !== undefined && { size }),
    });
  try {
    const found = await looking;
    if (found.state === 'pending') tell('pending');
    else tell(found.stale === true ? 'stale' : 'hit', found.cached.size);
    return found;
  } catch (error) {
    const code = error instanceof CacheError ? error.code : undefined;
    tell(code === 'image_not_cached' ? 'miss' : 'failed');
    throw error;
  }
}

/** @throws {CacheError} invalid_request, naming what is no diff id */
function parseHeldLayers(body: string): Digest[][] {
  const lines = body.split('\n').map((line) => line.split(/[\s,]+/).filter((item) => item !== ''));
  return lines
    .filter((items) => items.length > 0)
    .map((items) =>
      items.map((item) => {
        if (isDigest(item)) return item;
        throw new CacheError(
          'invalid_request',
          `"${printable(item, 100)}" is not a diff id. Send a line per local image, with its RootFS.Layers.`,
        );
      }),
    );
}
