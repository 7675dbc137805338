import { STATUS_CODES } from 'node:http';
import type { HttpResponseInit, InvocationContext } from '@azure/functions';
import type { Problem } from '../../api/views.ts';
import type { CacheError } from '../../errors.ts';
import { asCacheError } from '../asCacheError.ts';

/**
 * An error as its caller sees it.
 * @param extension members beside the standard's own
 * https://www.rfc-editor.org/rfc/rfc9457
 */
export function problem(
  error: unknown,
  invocation: InvocationContext,
  extension: object = {},
): HttpResponseInit {
  const known = asCacheError(error, invocation);
  const { status } = known;
  const body: Problem = { title: STATUS_CODES[status] ?? 'Error', status, ...known.toFailure() };
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...retryAfter(known) },
    body: JSON.stringify({ ...body, ...extension }),
  };
}

export function retryAfter({ retryAfterSeconds }: CacheError): Record<string, string> {
  return retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
}
