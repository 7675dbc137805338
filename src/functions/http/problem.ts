import { STATUS_CODES } from 'node:http';
import type { HttpResponseInit, InvocationContext } from '@azure/functions';
import { CacheError } from '../../errors.ts';

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
  return {
    status: known.status,
    headers: { 'Content-Type': 'application/problem+json', ...retryAfter(known) },
    body: JSON.stringify({
      title: STATUS_CODES[known.status] ?? 'Error',
      status: known.status,
      ...known.toFailure(),
      ...extension,
    }),
  };
}

export function retryAfter({ retryAfterSeconds }: CacheError): Record<string, string> {
  return retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
}

/** What is no CacheError is a defect: its text goes to the log, not to the caller. */
export function asCacheError(error: unknown, invocation: InvocationContext): CacheError {
  if (error instanceof CacheError) return error;
  invocation.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return new CacheError(
    'internal_error',
    `The service failed in a way that it does not know. Its log has the cause under the invocation ${invocation.invocationId}.`,
  );
}
