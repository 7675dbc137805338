import { app } from '@azure/functions';
import { input } from 'durable-functions';
import type { RunsView } from '../../../api/operatorViews.ts';
import { RunsQuery } from '../../../api/queries.ts';
import { listRuns } from '../../../service/listRuns.ts';
import { isoSeconds } from '../../../store/archive/archiveMetadata.ts';
import { durableHistory, durableRuns } from '../../durable/durableRuns.ts';
import { json } from '../answerFormat.ts';
import { handler } from '../handler.ts';
import { imageView } from '../../../service/imageViews.ts';
import { readQuery } from '../query.ts';

/** What is on its way and what failed. */
app.http('runs', {
  route: 'api/runs',
  methods: ['GET'],
  authLevel: 'function',
  extraInputs: [input.durableClient()],
  handler: handler(async (request, context, invocation) => {
    const { state, limit } = readQuery(request, RunsQuery);
    const shown = await listRuns(context, durableRuns(invocation), durableHistory(invocation), {
      limit,
      ...(state !== undefined && { state }),
    });
    const view: RunsView = {
      images: shown.map((run) => ({
        ...imageView(run.request, run.found),
        startedAt: isoSeconds(run.startedAt),
        updatedAt: isoSeconds(run.updatedAt),
      })),
    };
    return json(200, view);
  }),
});
