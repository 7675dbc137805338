import { loadConfig } from '../config.ts';

/** The app's settings, read once, as its functions are loaded: a bad one stops the start. */
export const settings = loadConfig(process.env);
