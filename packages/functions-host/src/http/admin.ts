/** The part of the admin API that is of use on one machine: ping, status, and running a timer function by hand. */
import type { ServerResponse } from 'node:http';
import type { HttpCall } from './httpBinding.ts';
import { empty, readBody } from './httpBinding.ts';
import { keyOf } from './keys.ts';
import type { Keys } from './keys.ts';
import type { FunctionMetadata } from '../worker/rpc.ts';
import type { Timers } from '../timers/timers.ts';

interface Admin {
  readonly functions: readonly FunctionMetadata[];
  readonly keys: Keys | undefined;
  readonly timers: Timers;
  readonly log: (line: string) => void;
}

export async function handleAdmin(call: HttpCall, response: ServerResponse, admin: Admin): Promise<void> {
  const { path, method, query, request } = call;
  if (path === '/admin/host/ping') {
    return empty(response, 200, { 'cache-control': 'no-store,no-cache', pragma: 'no-cache' });
  }
  const { keys } = admin;
  if (keys !== undefined) {
    const key = keyOf(request, query);
    if (key === keys.function) return empty(response, 403);
    if (key !== keys.master) return empty(response, 401, { 'www-authenticate': 'Bearer' });
  }
  if (path === '/admin/host/status' && method === 'GET') {
    return json(response, { state: 'Running' });
  }
  const name = /^\/admin\/functions\/([^/]+)$/.exec(path)?.[1]?.toLowerCase();
  const fn = admin.functions.find((candidate) => candidate.name.toLowerCase() === name);
  if (method === 'POST') return run(call, response, admin, fn);
  if (fn === undefined || method !== 'GET') return empty(response, 404);
  const bindings = Object.values(fn.bindings);
  json(response, { name: fn.name, language: 'node', config: { name: fn.name, bindings }, isDisabled: false });
}

/** Answers at once; a function that is no timer is accepted as well, but does not run. */
async function run(
  { request }: HttpCall,
  response: ServerResponse,
  admin: Admin,
  fn: FunctionMetadata | undefined,
): Promise<void> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) return empty(response, 415);
  let input: unknown;
  try {
    ({ input } = Object(JSON.parse((await readBody(request)).toString())) as { input?: unknown });
  } catch {
    return empty(response, 400);
  }
  if (fn === undefined) return empty(response, 404);
  empty(response, 202);
  if (!admin.timers.runNow(fn.name, typeof input === 'string' ? input : undefined))
    admin.log(`warning: '${fn.name}' is no timer function: it was not run.`);
}

function json(response: ServerResponse, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
