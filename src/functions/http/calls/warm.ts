import { app } from '@azure/functions';
import { input } from 'durable-functions';
import { WarmQuery } from '../../../api/queries.ts';
import { warmView } from '../../../upkeep/upkeepViews.ts';
import { rehearseWarming } from '../../../upkeep/warmImages.ts';
import { warmAndTell } from '../../warmAndTell.ts';
import { json } from '../answerFormat.ts';
import { WARM_MS } from '../deadlines.ts';
import { handler } from '../handler.ts';
import { readQuery } from '../query.ts';
import { refuseBody } from '../requestBody.ts';

/** Caches what is to be kept ready, as the timer does; with `dryRun=true`, says what that would cache. */
app.http('warm-now', {
  route: 'api/warm',
  methods: ['POST'],
  authLevel: 'function',
  extraInputs: [input.durableClient()],
  handler: handler(async (request, context, invocation) => {
    const { dryRun } = readQuery(request, WarmQuery);
    await refuseBody(
      request,
      'Images are named by WARM_IMAGES and WARM_REPOSITORIES; POST /api/images takes others',
    );
    const deadline = Date.now() + WARM_MS;
    const report = await (dryRun
      ? rehearseWarming(context, deadline)
      : warmAndTell(context, invocation, deadline));
    return json(200, warmView(report, dryRun));
  }),
});
