import { app } from '@azure/functions';
import { input } from 'durable-functions';
import { CatalogueQuery, EnsureQuery, ImageQuery } from '../../../api/queries.ts';
import { parseImageRequest } from '../../../image/imageRequest.ts';
import { describeImage } from '../../../service/describeImage.ts';
import { removeImage } from '../../../service/removeImage.ts';
import { listArchives } from '../../../store/archive/archives.ts';
import { catalogueView } from '../../../upkeep/upkeepViews.ts';
import { durableRuns } from '../../durable/durableRuns.ts';
import { answer, json } from '../answerFormat.ts';
import { ensureImages } from './ensureImages.ts';
import { handler } from '../handler.ts';
import { imageView } from '../../../service/imageViews.ts';
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
    return json(200, catalogueView(page, context.config));
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
