import { app } from '@azure/functions';
import type { ReindexView } from '../../../api/operatorViews.ts';
import { ReindexQuery } from '../../../api/queries.ts';
import { reindexPage } from '../../../upkeep/reindex.ts';
import { json } from '../answerFormat.ts';
import { handler } from '../handler.ts';
import { readQuery } from '../query.ts';
import { refuseBody } from '../requestBody.ts';

/** Rebuilds the hints about a page of archives; with `continuation` where there is more. */
app.http('reindex', {
  route: 'api/reindex',
  methods: ['POST'],
  authLevel: 'function',
  handler: handler(async (request, context) => {
    const { continuation } = readQuery(request, ReindexQuery);
    await refuseBody(request, 'To go on, send the continuation in the query');
    const page = await reindexPage(context, continuation);
    const view: ReindexView = {
      indexed: page.indexed,
      others: page.others.map(({ blob, size, reason }) => ({ blob, size, reason })),
      ...(page.continuation !== undefined && { continuation: page.continuation }),
    };
    return json(200, view);
  }),
});
