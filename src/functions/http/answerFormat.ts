import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { asCacheError } from '../asCacheError.ts';
import { environmentLines } from './environmentLines.ts';
import { problem, retryAfter } from './problem.ts';
import { query } from './query.ts';

/** How an answer is written: `?format=json`, the default, or `?format=env`, for a node without jq. */
export type AnswerFormat = 'json' | 'env';

export function json(status: number, body: unknown, headers: Record<string, string> = {}): HttpResponseInit {
  return { status, jsonBody: body, headers };
}

export function answer(
  format: AnswerFormat,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): HttpResponseInit {
  return format === 'env' ? environmentLines(status, body, headers) : json(status, body, headers);
}

/** What went wrong, in the format that the request asks for. */
export function refusal(
  request: Pick<HttpRequest, 'query'>,
  error: unknown,
  invocation: InvocationContext,
): HttpResponseInit {
  if (query(request, 'format') !== 'env') return problem(error, invocation);
  const failure = asCacheError(error, invocation);
  const body = { state: 'failed', error: failure.toFailure() };
  return answer('env', failure.status, body, retryAfter(failure));
}
