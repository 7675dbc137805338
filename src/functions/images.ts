import { app } from '@azure/functions';
import { input } from 'durable-functions';
import { listImages } from '../cache/catalogue.ts';
import { describeImage } from '../cache/describe.ts';
import { removeImage } from '../cache/remove.ts';
import { inFormat } from './answerFormat.ts';
import { durableRuns } from './durableRuns.ts';
import { ensureRequested } from './ensureRequest.ts';
import { handler, json, query, readJson, wholeNumber } from './http.ts';
import { queriedImage } from './imageRequest.ts';

const MAX_PAGE_SIZE = 1000;
const DEFAULT_PAGE_SIZE = 100;

app.http('images-ensure', {
  route: 'api/images',
  methods: ['POST'],
  authLevel: 'function',
  extraInputs: [input.durableClient()],
  handler: handler((request, context, invocation) =>
    inFormat(request, invocation, async (format) =>
      ensureRequested(await readJson(request), format, context, durableRuns(invocation), invocation),
    ),
  ),
});

/** With `image`: that image's state. Without: a page of the catalogue. */
app.http('images-get', {
  route: 'api/images',
  methods: ['GET'],
  authLevel: 'function',
  extraInputs: [input.durableClient()],
  handler: handler(async (request, context, invocation) => {
    if (query(request, 'image') !== undefined) {
      const image = queriedImage(request, context.config);
      return json(200, await describeImage(context, durableRuns(invocation), image));
    }
    const continuation = query(request, 'continuation');
    return json(
      200,
      await listImages(context, {
        prefix: query(request, 'prefix') ?? '',
        pageSize: wholeNumber(request, 'limit', {
          least: 1,
          most: MAX_PAGE_SIZE,
          fallback: DEFAULT_PAGE_SIZE,
        }),
        ...(continuation !== undefined && { continuation }),
      }),
    );
  }),
});

app.http('images-remove', {
  route: 'api/images',
  methods: ['DELETE'],
  authLevel: 'function',
  handler: handler(async (request, context) =>
    json(200, await removeImage(context, queriedImage(request, context.config))),
  ),
});
