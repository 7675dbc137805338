import { app } from '@azure/functions';
import { openApiDocument } from '../../../api/openapi.ts';
import { VERSION } from '../../../version.ts';
import { STATIC } from '../answerHeaders.ts';
import { plainHandler } from '../plainHandler.ts';

/** Made when it is asked for first: most instances of the app never are. */
let text: string | undefined;

/** For anybody: it says what docs/http.md says. */
app.http('openapi', {
  route: 'api/openapi.json',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: plainHandler(() =>
    Promise.resolve({
      status: 200,
      headers: { 'Content-Type': 'application/json', ...STATIC },
      body: (text ??= JSON.stringify(openApiDocument(VERSION))),
    }),
  ),
});
