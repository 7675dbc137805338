import { app } from '@azure/functions';
import './functions/durable/activities.ts';
import './functions/http/calls/health.ts';
import './functions/http/calls/images.ts';
import './functions/http/calls/lookup.ts';
import './functions/http/calls/distribution.ts';
import './functions/http/calls/nodeScript.ts';
import './functions/http/calls/openapi.ts';
import './functions/http/calls/prune.ts';
import './functions/http/calls/reindex.ts';
import './functions/http/calls/runs.ts';
import './functions/http/calls/statistics.ts';
import './functions/http/calls/ui.ts';
import './functions/http/calls/warm.ts';
import './functions/timers/measureStore.ts';
import './functions/timers/prune.ts';
import './functions/timers/warm.ts';

// Bodies arrive and leave as streams; src/functions/http/plainHandler.ts and requestBody.ts say what that asks of every handler.
app.setup({ enableHttpStream: true });
