import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { CacheError } from '../../errors.ts';
import { inSpan, markFailed } from '../../telemetry/tracing.ts';
import { refusal } from './answerFormat.ts';
import { withSafeHeaders } from './answerHeaders.ts';
import { refuseCrossSite, refuseLongUrl } from './requestLimits.ts';
import { HANDLER_MS } from './deadlines.ts';

/**
 * Makes an HTTP handler of a function that may throw, or never end, and decides what holds for every request and every
 * answer. Every function of the app is made here: with
 * streams on, a handler that throws or returns nothing leaves its caller waiting for four minutes.
 * @param deadlineMs until there is an answer
 */
export function plainHandler(
  work: (request: HttpRequest, invocation: InvocationContext) => Promise<HttpResponseInit>,
  deadlineMs = HANDLER_MS,
): HttpHandler {
  const answered = async (request: HttpRequest, invocation: InvocationContext): Promise<HttpResponseInit> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(unanswered(deadlineMs, invocation)), deadlineMs);
    });
    try {
      refuseLongUrl(request);
      refuseCrossSite(request);
      return await Promise.race([work(request, invocation), late]);
    } catch (error) {
      return refusal(request, error, invocation);
    } finally {
      clearTimeout(timer);
    }
  };
  return async (request, invocation) => {
    const { functionName, invocationId, traceContext } = invocation;
    const attributes = {
      'http.request.method': request.method,
      'faas.trigger': 'http',
      'faas.invocation_id': invocationId,
    };
    const start = { traceparent: traceContext?.traceParent, attributes };
    return inSpan(functionName, start, async (span) => {
      const response = withSafeHeaders(request, await answered(request, invocation));
      const status = response.status ?? 200;
      span.setAttribute('http.response.status_code', status);
      if (status >= 500) markFailed(span, String(status));
      return response;
    });
  };
}

/** Whatever else a handler waits for gives up long before. */
function unanswered(deadlineMs: number, { invocationId }: InvocationContext): CacheError {
  return new CacheError(
    'storage_unavailable',
    `The service had no answer after ${deadlineMs / 1000} s: its storage account or task hub is slow, or cannot be reached. Ask again; its log has more under the invocation ${invocationId}.`,
  );
}
