import { app } from '@azure/functions';
import { input } from 'durable-functions';
import { PruneQuery } from '../../../api/queries.ts';
import { pruneImages } from '../../../upkeep/pruneImages.ts';
import { pruneView } from '../../../upkeep/upkeepViews.ts';
import { pruneAndTell } from '../../pruneAndTell.ts';
import { json } from '../answerFormat.ts';
import { PRUNE_MS } from '../deadlines.ts';
import { handler } from '../handler.ts';
import { readQuery } from '../query.ts';
import { refuseBody } from '../requestBody.ts';

/** Prunes images as the timer does; with `dryRun=true`, says what that would delete. */
app.http('prune-now', {
  route: 'api/prune',
  methods: ['POST'],
  authLevel: 'function',
  extraInputs: [input.durableClient()],
  handler: handler(async (request, context, invocation) => {
    const { dryRun } = readQuery(request, PruneQuery);
    await refuseBody(request, 'A rehearsal is POST /api/prune?dryRun=true');
    const deadline = Date.now() + PRUNE_MS;
    const report = await (dryRun
      ? pruneImages(context, { dryRun, deadline })
      : pruneAndTell(context, invocation, deadline));
    return json(200, pruneView(report, dryRun));
  }),
});
