import { app } from '@azure/functions';
import type { PruneView } from '../../api/operatorViews.ts';
import { planPrune, pruneImages } from '../../upkeep/pruneImages.ts';
import { json } from './answerFormat.ts';
import { handler } from './handler.ts';
import { choice } from './query.ts';

/** Prunes images as the timer does; with `dryRun=true`, says what that would delete. */
app.http('prune-now', {
  route: 'api/prune',
  methods: ['POST'],
  authLevel: 'function',
  handler: handler(async (request, context) => {
    const dryRun = choice(request, 'dryRun', ['true', 'false']) === 'true';
    const { deleted, held, kept } = await (dryRun ? planPrune(context) : pruneImages(context));
    const bytes = deleted.reduce((total, { size }) => total + size, 0);
    const view: PruneView = { dryRun, pruned: deleted, held, kept, bytes };
    return json(200, view);
  }),
});
