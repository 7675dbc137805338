import { app } from '@azure/functions';
import { input } from 'durable-functions';
import type { CataloguePage } from '../../api/views.ts';
import { describeImage } from '../../service/describeImage.ts';
import { removeImage } from '../../service/removeImage.ts';
import { listArchives } from '../../store/archive/archives.ts';
import { pruneAfter } from '../../upkeep/pruneRules.ts';
import { durableRuns } from '../durable/durableRuns.ts';
import { askedFormat, json } from './answerFormat.ts';
import { ensureImages } from './ensureImages.ts';
import { handler } from './handler.ts';
import { archiveView, imageView } from './imageViews.ts';
import { queriedImage, query, wholeNumber } from './query.ts';
import { readJson } from './requestBody.ts';

const PAGE_SIZE = { least: 1, most: 1000, fallback: 100 };

app.http('images-ensure', {
  route: 'api/images',
  methods: ['POST'],
  authLevel: 'function',
  extraInputs: [input.durableClient()],
  handler: handler(async (request, context, invocation) => {
    const format = askedFormat(request);
    return ensureImages(await readJson(request), format, context, durableRuns(invocation), invocation);
  }),
});

/** With `image`: that image's state. Without: a page of the catalogue. */
app.http('images-get', {
  route: 'api/images',
  methods: ['GET'],
  authLevel: 'function',
  extraInputs: [input.durableClient()],
  handler: handler(async (request, context, invocation) => {
    if (query(request, 'image') !== undefined) {
      const wanted = queriedImage(request, context.config.defaultPlatform);
      return json(200, imageView(wanted, await describeImage(context, durableRuns(invocation), wanted)));
    }
    const continuation = query(request, 'continuation');
    const page = await listArchives(context.storage, {
      prefix: query(request, 'prefix') ?? '',
      pageSize: wholeNumber(request, 'limit', PAGE_SIZE),
      ...(continuation !== undefined && { continuation }),
    });
    const view: CataloguePage = {
      images: page.images.map((image) => ({
        ...archiveView(image),
        pruneAfter: pruneAfter(image.lastUsed, context.config.pruneAfterDays),
      })),
      ...(page.continuation !== undefined && { continuation: page.continuation }),
    };
    return json(200, view);
  }),
});

app.http('images-remove', {
  route: 'api/images',
  methods: ['DELETE'],
  authLevel: 'function',
  handler: handler(async (request, context) => {
    const wanted = queriedImage(request, context.config.defaultPlatform);
    await removeImage(context, wanted);
    return json(200, imageView(wanted, { state: 'absent' }));
  }),
});
