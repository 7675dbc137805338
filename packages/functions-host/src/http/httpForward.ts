/** Streams on: the request goes to the worker's own HTTP server and its answer comes back, as they flow. */
import http from 'node:http';
import type { ServerResponse } from 'node:http';
import { contentLength, hasNonAscii } from './httpBinding.ts';
import type { HttpCall } from './httpBinding.ts';
import { encodePath } from './router.ts';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'expect',
  'upgrade',
  'te',
  'trailer',
]);

const SHORT_ANSWER_BYTES = 4096;

interface Forwarding {
  readonly httpUri: string;
  readonly invocationId: string;
  /** The body, where it was read already. */
  readonly body: Buffer | undefined;
  /** Ends the wait when the function cannot answer any more. */
  readonly signal: AbortSignal;
}

/**
 * Resolves when the answer has been sent or the client has gone. Where the worker gives none until `signal`
 * fires: 500, or a cut connection when the answer had begun.
 */
export function forward(call: HttpCall, response: ServerResponse, forwarding: Forwarding): Promise<void> {
  const { request, origin } = call;
  const { body, invocationId, signal } = forwarding;
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.has(name)),
  );
  // Kept alive, so that the worker may answer without reading the whole request.
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const upstream = http.request(new URL(forwarding.httpUri), {
    method: call.method,
    path: `${encodePath(call.path, true)}${call.search}`,
    headers: {
      ...headers,
      'x-forwarded-host': origin.slice('http://'.length),
      'x-forwarded-proto': 'http',
      'x-ms-invocation-id': invocationId,
    },
    agent,
  });

  return new Promise((resolve) => {
    const giveUp = (): void => {
      upstream.destroy();
      // A corked answer has not been sent, but cannot be taken back either.
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'content-length': 0 }).end();
      resolve();
    };
    signal.addEventListener('abort', giveUp, { once: true });
    response.on('close', () => {
      upstream.destroy();
      agent.destroy();
      // What is left of the body goes nowhere. A pipe that ends later would stop it again.
      request.unpipe(upstream);
      request.resume();
      resolve();
    });
    upstream.on('error', giveUp);
    upstream.on('response', (answer) => {
      const values = Object.values(answer.headers).flat().map(String);
      if (values.some(hasNonAscii)) return giveUp();
      answer.on('error', giveUp);
      answer.on('aborted', giveUp);
      const status = answer.statusCode ?? 500;
      for (const [name, value] of Object.entries(answer.headers)) {
        if (value !== undefined && !HOP_BY_HOP.has(name)) response.setHeader(name, value);
      }
      if (answer.headers.date !== undefined) response.sendDate = false;
      response.writeHead(status);
      // The real host's server does not begin to send a short answer before it has it whole.
      const isShort = Number(answer.headers['content-length'] ?? Infinity) <= SHORT_ANSWER_BYTES;
      if (isShort) response.cork();
      else response.flushHeaders();
      answer.pipe(response);
    });

    if (body !== undefined) upstream.end(body);
    else if (contentLength(request) > 0 || request.headers['transfer-encoding'] !== undefined)
      request.pipe(upstream);
    else upstream.end();
  });
}
