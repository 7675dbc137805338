import { app } from '@azure/functions';
import { input } from 'durable-functions';
import { CatalogueQuery, EnsureQuery, ImageQuery } from '../../../api/queries.ts';
import type { CataloguePage } from '../../../api/views.ts';
import { parseImageRequest } from '../../../image/imageRequest.ts';
import { describeImage } from '../../../service/describeImage.ts';
import { removeImage } from '../../../service/removeImage.ts';
import { listArchives } from '../../../store/archive/archives.ts';
import { pruneAfter } from '../../../upkeep/pruneRules.ts';
import { durableRuns } from '../../durable/durableRuns.ts';
import { answer, json } from '../answerFormat.ts';
import { ensureImages } from './ensureImages.ts';
import { handler } from '../handler.ts';
import { archiveView, imageView } from '../imageViews.ts';
import { readQuery } from '../query.ts';
import { readJson, refuseBody } from '../requestBody.ts';

app.http('images-ensure', {
  route: 'api/images',
  methods: ['POST'],
  authLevel: 'function',
  extraInputs: [input.durableClient()],
  handler: handler(async (request, context, invocation) => {
    const { format } = readQuery(request, EnsureQuery);
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
    if (request.query.has('image')) {
      const { image, platform, format } = readQuery(request, ImageQuery);
      const wanted = parseImageRequest(image, platform, context.config.defaultPlatform);
      const found = await describeImage(context, durableRuns(invocation), wanted);
      return answer(format, 200, imageView(wanted, found));
    }
    const { prefix = '', continuation, limit } = readQuery(request, CatalogueQuery);
    const page = await listArchives(context.storage, {
      prefix,
      pageSize: limit,
      ...(continuation !== undefined && { continuation }),
    });
    const view: CataloguePage = {
      images: page.images.map((image) => {
        const due = pruneAfter(image, context.config);
        return { ...archiveView(image), ...(due !== undefined && { pruneAfter: due }) };
      }),
      ...(page.others.length > 0 && {
        others: page.others.map(({ blob, size, reason }) => ({ blob, size, reason })),
      }),
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
    const { image, platform, format } = readQuery(request, ImageQuery);
    await refuseBody(request, 'Name the image, and its platform, in the query');
    const wanted = parseImageRequest(image, platform, context.config.defaultPlatform);
    await removeImage(context, wanted);
    return answer(format, 200, imageView(wanted, { state: 'absent' }));
  }),
});
