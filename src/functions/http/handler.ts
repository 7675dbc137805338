import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import type { CacheContext } from '../../context.ts';
import { CacheError } from '../../errors.ts';
import { problem } from './problem.ts';
import { cacheContext } from '../appContext.ts';

/** No request of this service needs more; a body beyond it is refused while it arrives. */
const MAX_BODY_BYTES = 256 * 1024;

/**
 * Makes an HTTP handler of a function that may throw. Nothing escapes it: with streams on, a handler that throws or
 * returns nothing leaves its caller waiting for four minutes.
 */
export function handler(
  work: (
    request: HttpRequest,
    context: CacheContext,
    invocation: InvocationContext,
  ) => Promise<HttpResponseInit>,
): HttpHandler {
  return async (request, invocation) => {
    try {
      return await work(request, await cacheContext(), invocation);
    } catch (error) {
      return problem(error, invocation);
    }
  };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): HttpResponseInit {
  return { status, jsonBody: body, headers };
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

/** A query value; an empty one counts as missing. */
export function query(request: HttpRequest, name: string): string | undefined {
  const value = request.query.get(name);
  return value === null || value === '' ? undefined : value;
}

/** @throws {CacheError} invalid_request, naming the value and the range */
export function wholeNumber(
  request: HttpRequest,
  name: string,
  range: { readonly least: number; readonly most: number; readonly fallback: number },
): number {
  const text = query(request, name);
  if (text === undefined) return range.fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= range.least && value <= range.most) return value;
  throw new CacheError(
    'invalid_request',
    `${name} is "${text.slice(0, 50)}"; it must be a whole number from ${range.least} to ${range.most}.`,
  );
}
