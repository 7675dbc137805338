import { app } from '@azure/functions';
import './functions/cacheImage.ts';
import './functions/health.ts';
import './functions/images.ts';
import './functions/lookup.ts';
import './functions/mirror.ts';
import './functions/nodeScript.ts';
import './functions/prune.ts';

// Bodies arrive and leave as streams; src/functions/http.ts says what that asks of every handler.
app.setup({ enableHttpStream: true });
