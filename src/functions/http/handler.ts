import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { type AppContext, appContext } from '../appContext.ts';
import { plainHandler } from './plainHandler.ts';

/** A plainHandler for what works with storage or a registry. */
export function handler(
  work: (
    request: HttpRequest,
    context: AppContext,
    invocation: InvocationContext,
  ) => Promise<HttpResponseInit>,
): HttpHandler {
  return plainHandler(async (request, invocation) => work(request, await appContext(), invocation));
}
