/** Access keys. Without configured keys nothing is asked for, as with Core Tools. */
import type { IncomingMessage } from 'node:http';

export interface Keys {
  readonly master: string;
  readonly function: string;
  /** For the durable management URLs. */
  readonly system: string;
}

/** The key a request carries. The header wins, even when it is wrong and `code` is right. */
export function keyOf(request: IncomingMessage, query: URLSearchParams): string | undefined {
  const header = request.headers['x-functions-key'];
  return typeof header === 'string' ? header : (query.get('code') ?? undefined);
}

/** Whether a key opens a function of this authLevel. */
export function opens(keys: Keys | undefined, authLevel: string, key: string | undefined): boolean {
  if (keys === undefined || authLevel === 'anonymous') return true;
  if (key === keys.master) return true;
  return authLevel === 'function' && key === keys.function;
}
