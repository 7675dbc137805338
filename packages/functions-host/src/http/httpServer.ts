/** The host's two HTTP servers: the public one (functions, admin API, durable webhooks) and the local RPC one. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { handleAdmin } from './admin.ts';
import type { ApiResponse, ClientApi } from '../durable/clientApi.ts';
import {
  MAX_BODY_BYTES,
  contentLength,
  empty,
  readBody,
  readCall,
  sendRpcHttp,
  toRpcHttp,
  triggerMetadata,
} from './httpBinding.ts';
import type { HttpCall } from './httpBinding.ts';
import { forward } from './httpForward.ts';
import type { Invoke } from '../worker/invoker.ts';
import { keyOf, opens } from './keys.ts';
import type { Keys } from './keys.ts';
import { findRoute } from './router.ts';
import type { Match, Route } from './router.ts';
import type { FunctionMetadata, InvocationRequest } from '../worker/rpc.ts';
import type { Timers } from '../timers/timers.ts';

const WEBHOOKS = '/runtime/webhooks/durabletask/';
const RPC = '/durabletask/';
const ANSWER_GRACE_MS = 1000;

interface PublicServer {
  readonly functions: readonly FunctionMetadata[];
  /** Where the worker takes requests itself, with streams on. */
  readonly httpUri: string | undefined;
  readonly invoke: Invoke;
  readonly routes: readonly Route[];
  readonly keys: Keys | undefined;
  readonly api: ClientApi;
  readonly timers: Timers;
  readonly unansweredAfterMs: number;
  readonly log: (line: string) => void;
}

export function createPublicServer(server: Server, host: PublicServer): void {
  serve(server, host.log, async (call, response) => {
    const { path, method, query, request } = call;
    if (path === '/' && method === 'GET') {
      return void response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<p>The functions are running.</p>\n');
    }
    if (path.startsWith('/admin/')) return handleAdmin(call, response, host);
    if (path.startsWith(WEBHOOKS)) {
      if (host.keys !== undefined && keyOf(request, query) !== host.keys.system) return empty(response, 401);
      return answerApi(call, response, host.api, WEBHOOKS);
    }
    const match = findRoute(host.routes, method, path);
    if (match === undefined) return empty(response, 404);
    if (!opens(host.keys, match.route.authLevel, keyOf(request, query))) return empty(response, 401);
    if (contentLength(request) > MAX_BODY_BYTES) {
      request.resume();
      return empty(response, 500);
    }
    await (host.httpUri === undefined
      ? runBuffered(call, match, response, host)
      : runStreamed(call, match, response, host, host.httpUri));
  });
}

export function createRpcServer(server: Server, api: ClientApi): void {
  serve(
    server,
    () => undefined,
    async (call, response) => {
      if (call.path.startsWith(RPC)) await answerApi(call, response, api, RPC);
      else empty(response, 404);
    },
  );
}

function serve(
  server: Server,
  log: (line: string) => void,
  handle: (call: HttpCall, response: ServerResponse) => Promise<void> | void,
): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    Promise.resolve(handle(readCall(request), response)).catch((error: unknown) => {
      log(
        `error: ${request.method ?? ''} ${request.url ?? ''}: ${error instanceof Error ? error.message : String(error)}`,
      );
      if (response.headersSent) response.destroy();
      else empty(response, 500);
    });
  });
}

async function runBuffered(
  call: HttpCall,
  match: Match,
  response: ServerResponse,
  { invoke }: PublicServer,
): Promise<void> {
  // A chunked body has no length, and is not read.
  const body = contentLength(call.request) > 0 ? await readBody(call.request) : undefined;
  const { functionName, bindingName } = match.route;
  const reply = await invoke(functionName, {
    inputData: [{ name: bindingName, data: { http: toRpcHttp(call, match, body) } }],
    triggerMetadata: triggerMetadata(call, match, body),
    ...traceContext(call.request),
  });
  sendRpcHttp(response, reply.returnValue?.http);
}

/** The function answers over its own HTTP server; its reply here only tells that it has ended. */
async function runStreamed(
  call: HttpCall,
  match: Match,
  response: ServerResponse,
  { invoke, unansweredAfterMs, log }: PublicServer,
  httpUri: string,
): Promise<void> {
  const invocationId = randomUUID();
  const body = await jsonBody(call.request);
  const unanswered = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const answered = forward(call, response, { httpUri, invocationId, body, signal: unanswered.signal });
  const { functionName, bindingName } = match.route;
  // Once the function has ended, an answer that has not begun will not come. The real host does not know
  // that, and lets the client wait.
  const giveUpLater = (why: string): void => {
    if (response.writableEnded || response.destroyed) return;
    log(`error: ${functionName}: ${why}; the client waits ${unansweredAfterMs / 1000} s for an answer.`);
    timer = setTimeout(() => unanswered.abort(), unansweredAfterMs);
  };
  void invoke(
    functionName,
    {
      inputData: [{ name: bindingName, data: { http: {} } }],
      triggerMetadata: triggerMetadata(call, match, body),
      ...traceContext(call.request),
    },
    invocationId,
  ).then(
    () => {
      // The answer may still be on its way.
      timer = setTimeout(() => {
        if (!response.headersSent) giveUpLater('it returned nothing');
      }, ANSWER_GRACE_MS).unref();
    },
    (error: unknown) => giveUpLater(error instanceof Error ? error.message : String(error)),
  );
  await answered;
  clearTimeout(timer);
}

function traceContext({ headers }: IncomingMessage): Pick<InvocationRequest, 'traceContext'> {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== 'string') return {};
  const traceState = typeof tracestate === 'string' ? { traceState: tracestate } : {};
  return { traceContext: { traceParent: traceparent, ...traceState } };
}

/** The body of a request whose JSON properties go into the trigger's metadata. Others are left to flow. */
async function jsonBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const type = request.headers['content-type'];
  const mayBeJson = type === undefined || /json|text/i.test(type);
  return mayBeJson && contentLength(request) > 0 ? readBody(request) : undefined;
}

async function answerApi(
  call: HttpCall,
  response: ServerResponse,
  api: ClientApi,
  base: string,
): Promise<void> {
  const { request, method, query, origin, search } = call;
  const body = (await readBody(request)).toString();
  const target = (request.url ?? '').split('?')[0] ?? '';
  const token = request.headers['x-ms-continuation-token'];
  const answer: ApiResponse = api.handle({
    method,
    path: target.slice(base.length),
    query,
    body,
    origin,
    url: `${origin}${target}${search}`,
    continuationToken: typeof token === 'string' ? token : undefined,
  });
  if (answer.json === undefined) return empty(response, answer.status, answer.headers);
  response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8', ...answer.headers });
  response.flushHeaders();
  response.end(answer.json);
}
