import { app } from '@azure/functions';
import type { PruneView } from '../../../api/operatorViews.ts';
import { PruneQuery } from '../../../api/queries.ts';
import { planPrune } from '../../../upkeep/pruneImages.ts';
import { pruneAndTell } from '../../pruneAndTell.ts';
import { json } from '../answerFormat.ts';
import { handler } from '../handler.ts';
import { readQuery } from '../query.ts';
import { refuseBody } from '../requestBody.ts';

/** Prunes images as the timer does; with `dryRun=true`, says what that would delete. */
app.http('prune-now', {
  route: 'api/prune',
  methods: ['POST'],
  authLevel: 'function',
  handler: handler(async (request, context, invocation) => {
    const { dryRun } = readQuery(request, PruneQuery);
    await refuseBody(request, 'A rehearsal is POST /api/prune?dryRun=true');
    const { deleted, held, kept } = await (dryRun ? planPrune(context) : pruneAndTell(context, invocation));
    const bytes = deleted.reduce((total, { size }) => total + size, 0);
    const view: PruneView = { dryRun, pruned: deleted, held, kept, bytes };
    return json(200, view);
  }),
});
