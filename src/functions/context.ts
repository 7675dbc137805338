import { type CacheContext, openContext } from '../cache/context.ts';

let opened: Promise<CacheContext> | undefined;

/** The one context of this process; opened by the first call, and again after a failure. */
export function cacheContext(): Promise<CacheContext> {
  // Not an invocation's own log: the registry client outlives every invocation.
  opened ??= openContext(process.env, (event) => console.log(JSON.stringify(event))).catch(
    (error: unknown) => {
      opened = undefined;
      throw error;
    },
  );
  return opened;
}
