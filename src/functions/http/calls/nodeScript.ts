import { app } from '@azure/functions';
import { assembleScript } from '../../../../node/assemble.ts';
import { STATIC } from '../answerHeaders.ts';
import { plainHandler } from '../plainHandler.ts';

/** The bundle carries the script (build.mjs); from sources it is put together at the start. */
declare const TES_NODE_SCRIPT: string | undefined;

const script = typeof TES_NODE_SCRIPT === 'string' ? TES_NODE_SCRIPT : assembleScript();

/** For anybody: there is nothing secret in it, and a start task has to get it in one line. */
app.http('node-script', {
  route: 'api/node/tes-node',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: plainHandler(() =>
    Promise.resolve({
      status: 200,
      headers: { 'Content-Type': 'text/x-shellscript; charset=utf-8', ...STATIC },
      body: script,
    }),
  ),
});
