import { app } from '@azure/functions';
import './functions/durable/activities.ts';
import './functions/http/health.ts';
import './functions/http/images.ts';
import './functions/http/lookup.ts';
import './functions/http/distribution.ts';
import './functions/http/nodeScript.ts';
import './functions/http/openapi.ts';
import './functions/http/prune.ts';
import './functions/http/runs.ts';
import './functions/http/statistics.ts';
import './functions/http/ui.ts';
import './functions/timers/measureStore.ts';
import './functions/timers/prune.ts';

// Bodies arrive and leave as streams; src/functions/http/plainHandler.ts and requestBody.ts say what that asks of every handler.
app.setup({ enableHttpStream: true });
