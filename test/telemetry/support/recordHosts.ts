/**
 * Loaded by `--require` into a process and its threads: writes the host of every http or https request to the file
 * that RECORD_HOSTS names, a line each, before it is connected to.
 */
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';

const { RECORD_HOSTS: file } = process.env;

const record = (host: string): void => {
  if (file !== undefined) appendFileSync(file, `${host}\n`);
};

subscribe('http.client.request.created', (message) => {
  record((message as { readonly request: { readonly host: string } }).request.host);
});
subscribe('undici:request:create', (message) => {
  const { origin } = (message as { readonly request: { readonly origin: string } }).request;
  record(new URL(origin).hostname);
});
