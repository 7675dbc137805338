import { app } from '@azure/functions';
import { STATISTICS_DAYS } from '../../store/hints/statistics.ts';
import { json } from './answerFormat.ts';
import { handler } from './handler.ts';
import { wholeNumber } from './query.ts';

const DAYS = { least: 1, most: STATISTICS_DAYS, fallback: 30 };

/** The store's size now, and its size and its lookups over the last days. */
app.http('statistics', {
  route: 'api/statistics',
  methods: ['GET'],
  authLevel: 'function',
  handler: handler(async (request, context) => {
    return json(200, await context.statistics.view(wholeNumber(request, 'days', DAYS)));
  }),
});
