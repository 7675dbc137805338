/** Milliseconds. What else has a deadline stands in docs/architecture.md. */

/**
 * Until a handler answers, whatever happens in it. Azure's load balancer drops a request that was not answered for
 * 230 s: https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout
 */
export const HANDLER_MS = 200_000;

/** Until prune that was asked for here begins nothing new: what is under way then, and the aliases, take some time. */
export const PRUNE_MS = 140_000;

/** Until warming that was asked for here begins nothing new: what is on its way then goes on by itself. */
export const WARM_MS = 140_000;

/** Until a request's body has arrived. All that is sent here is small, so that a slow line has time enough. */
export const BODY_MS = 20_000;
