import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { CacheError } from '../../errors.ts';
import { refusal } from './answerFormat.ts';
import { type AppContext, appContext } from '../appContext.ts';

/** No request of this service needs more; a body beyond it is refused while it arrives. */
const MAX_BODY_BYTES = 256 * 1024;

/**
 * Makes an HTTP handler of a function that may throw. Nothing escapes it: with streams on, a handler that throws or
 * returns nothing leaves its caller waiting for four minutes.
 */
export function handler(
  work: (
    request: HttpRequest,
    context: AppContext,
    invocation: InvocationContext,
  ) => Promise<HttpResponseInit>,
): HttpHandler {
  return async (request, invocation) => {
    try {
      return await work(request, await appContext(), invocation);
    } catch (error) {
      return refusal(request, error, invocation);
    }
  };
}

/** @throws {CacheError} invalid_request where the body is too large */
export async function readText(request: HttpRequest): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new CacheError('invalid_request', `The request's body is larger than ${MAX_BODY_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * The request's body as JSON.
 * @throws {CacheError} invalid_request where it is too large or no JSON
 */
export async function readJson(request: HttpRequest): Promise<unknown> {
  const text = await readText(request);
  try {
    return JSON.parse(text);
  } catch {
    throw new CacheError(
      'invalid_request',
      'The request\'s body is not JSON. Send {"image": "ubuntu:24.04"}.',
    );
  }
}
