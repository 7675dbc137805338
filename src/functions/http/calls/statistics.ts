import { app } from '@azure/functions';
import { StatisticsQuery } from '../../../api/queries.ts';
import { json } from '../answerFormat.ts';
import { handler } from '../handler.ts';
import { readQuery } from '../query.ts';

/** The store's size now, and its size and its lookups over the last days. */
app.http('statistics', {
  route: 'api/statistics',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(async (request, context) => {
    const { days } = readQuery(request, StatisticsQuery);
    return json(200, await context.statistics.view(days));
  }),
});
