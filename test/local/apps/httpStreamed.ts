/** The HTTP functions with streams. */
import { app } from '@azure/functions';
import './http.ts';

app.setup({ enableHttpStream: true });
