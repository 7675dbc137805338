/** The HTTP functions with streams. */
import { app } from '@azure/functions';
import './httpApp.ts';

app.setup({ enableHttpStream: true });
