import { app } from '@azure/functions';
import { input } from 'durable-functions';
import { lookupImage, MAX_WAIT_SECONDS } from '../cache/lookup.ts';
import { CacheError } from '../errors.ts';
import { durableRuns } from './durableRuns.ts';
import { environmentLines } from './environmentLines.ts';
import { handler, json, query, wholeNumber } from './http.ts';
import { queriedImage } from './imageRequest.ts';
import { asCacheError, retryAfter } from './problem.ts';

/** What a node is told to wait before it asks again for a pending image, in seconds. */
const RETRY_AFTER = { 'Retry-After': '5' };

app.http('lookup', {
  route: 'api/lookup',
  methods: ['GET'],
  authLevel: 'function',
  extraInputs: [input.durableClient()],
  handler: handler(async (request, context, invocation) => {
    const format = query(request, 'format') ?? 'json';
    if (format !== 'json' && format !== 'env') {
      throw new CacheError(
        'invalid_request',
        `format "${format.slice(0, 50)}" is not known: it is json or env.`,
      );
    }
    const asLines = format === 'env';
    try {
      const wait = wholeNumber(request, 'wait', { least: 0, most: MAX_WAIT_SECONDS, fallback: 0 });
      const image = queriedImage(request, context.config);
      const view = await lookupImage(context, durableRuns(invocation), image, wait);
      const status = view.state === 'ready' ? 200 : 202;
      const headers = status === 200 ? {} : RETRY_AFTER;
      return asLines ? environmentLines(status, view, headers) : json(status, view, headers);
    } catch (error) {
      if (!asLines) throw error;
      const failure = asCacheError(error, invocation);
      return environmentLines(
        failure.status,
        { state: 'failed', error: failure.toFailure() },
        retryAfter(failure),
      );
    }
  }),
});
