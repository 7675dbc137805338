import type { InvocationContext } from '@azure/functions';
import { CacheError } from '../errors.ts';

/** What is no CacheError is a defect: its text goes to the log, not to the caller. */
export function asCacheError(error: unknown, invocation: InvocationContext): CacheError {
  if (error instanceof CacheError) return error;
  invocation.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return new CacheError(
    'internal_error',
    `The service failed in a way that it does not know. Its log has the cause under the invocation ${invocation.invocationId}.`,
  );
}
