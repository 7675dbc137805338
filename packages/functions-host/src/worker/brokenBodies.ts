/**
 * Streams on, the real host answers a client only when the request's body has gone to the worker to its end. Where a
 * function began to read a large body and left the rest, that end does not come: measured, every second such
 * request is not answered, and its invocation lives until functionTimeout. A body that nobody began does no harm,
 * since Node's server throws it away once the answer has gone out.
 */
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** From here on strictly every second one was left without an answer; at 270 KB it was one in ten. */
const LARGE_BYTES = 400_000;

const requests = new Map<string, IncomingMessage>();
let brokenOff = 0;

/** Hears of each request that reaches the server of `@azure/functions`; to be called before that server starts. */
export function watchBodies(): void {
  channel('http.server.request.start').subscribe((message) => {
    const { request, response } = message as {
      readonly request: IncomingMessage;
      readonly response: ServerResponse;
    };
    const id = request.headers['x-ms-invocation-id'];
    if (typeof id !== 'string') return;
    requests.set(id, request);
    response.on('close', () => requests.delete(id));
  });
}

/** What the answer of a function has to wait for, where it broke a body off; settles when the body has ended. */
export function bodyToFinish(invocationId: string): Promise<void> | undefined {
  const request = requests.get(invocationId);
  if (request === undefined || !request.readableDidRead || request.readableEnded) return undefined;
  const length = request.headers['content-length'];
  const isLarge = length === undefined ? !request.complete : Number(length) >= LARGE_BYTES;
  if (!isLarge) return undefined;
  brokenOff += 1;
  if (brokenOff % 2 === 0) return undefined;
  // One that was destroyed has no end.
  return request.destroyed ? new Promise(() => undefined) : once(request, 'end').then(() => undefined);
}
