import { readFileSync } from 'node:fs';
import { app } from '@azure/functions';

/** The bundle carries the script (build.mjs); from sources it is read where it lies. */
declare const TES_NODE_SCRIPT: string | undefined;

const script =
  typeof TES_NODE_SCRIPT === 'string'
    ? TES_NODE_SCRIPT
    : readFileSync(new URL('../../../node/tes-node', import.meta.url), 'utf8');

/** For anybody: there is nothing secret in it, and a start task has to get it in one line. */
app.http('node-script', {
  route: 'api/node/tes-node',
  methods: ['GET'],
  authLevel: 'anonymous',
  handler: () => ({
    status: 200,
    headers: { 'Content-Type': 'text/x-shellscript; charset=utf-8' },
    body: script,
  }),
});
