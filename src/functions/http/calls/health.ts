import { app } from '@azure/functions';
import { checkHealth } from '../../../service/checkHealth.ts';
import { json } from '../answerFormat.ts';
import { handler } from '../handler.ts';

app.http('health', {
  route: 'api/health',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: handler(async (_request, context) => json(200, await checkHealth(context))),
});
