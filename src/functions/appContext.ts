import type { RegistryEvent } from '../registry/exchange/events.ts';
import { type CacheContext, openContext } from '../context.ts';
import { settings } from './settings.ts';

let opened: Promise<CacheContext> | undefined;

/** The one context of this process; opened by the first call, and again after a failure. */
export function cacheContext(): Promise<CacheContext> {
  // Not an invocation's own log: the registry client outlives every invocation.
  opened ??= openContext(settings, logEvent).catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

/** What an operator wants to know; a line per request would bury it. */
function logEvent(event: RegistryEvent): void {
  if (event.type !== 'request') console.log(JSON.stringify(event));
}
