/** HTTP requests as the host hands them to a function, and a function's answer as it goes out (streams off). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { decodePath, encodePath } from './router.ts';
import type { Match } from './router.ts';
import type { RpcCookie, RpcHttp, TypedData } from '../worker/rpc.ts';
import { metadata, toMetadata } from '../worker/typedData.ts';
import type { Json } from '../worker/typedData.ts';

/** Kestrel refuses what is longer, before any function runs. */
export const MAX_BODY_BYTES = 100 * 1024 * 1024;

/** A request, taken apart once. */
export interface HttpCall {
  readonly request: IncomingMessage;
  readonly method: string;
  /** Decoded once, `%2F` apart; see router.ts. */
  readonly path: string;
  /** With the question mark, as sent. */
  readonly search: string;
  readonly query: URLSearchParams;
  readonly origin: string;
}

export function readCall(request: IncomingMessage): HttpCall {
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const search = mark < 0 ? '' : target.slice(mark);
  return {
    request,
    method: request.method ?? 'GET',
    path: decodePath(mark < 0 ? target : target.slice(0, mark)),
    search,
    query: new URLSearchParams(search),
    origin: `http://${request.headers.host ?? 'localhost'}`,
  };
}

/** Length the request declares; 0 without one, also when the body is chunked. */
export function contentLength(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0);
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Headers by name as sent, repeated ones joined by a comma. */
function headersOf(request: IncomingMessage): Record<string, string> {
  const byName = new Map<string, [name: string, value: string]>();
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(i, i + 2);
    const earlier = byName.get(name.toLowerCase());
    if (earlier === undefined) byName.set(name.toLowerCase(), [name, value]);
    else earlier[1] += `,${value}`;
  }
  return Object.fromEntries(byName.values());
}

/** Query values by key, whatever its case (the last spelling is kept). */
function queryOf(query: URLSearchParams): Map<string, string[]> {
  const byKey = new Map<string, { key: string; values: string[] }>();
  for (const [key, value] of query) {
    const entry = byKey.get(key.toLowerCase()) ?? { key, values: [] };
    entry.key = key;
    entry.values.push(value);
    byKey.set(key.toLowerCase(), entry);
  }
  return new Map([...byKey.values()].map(({ key, values }) => [key, values]));
}

/**
 * Query (the access key apart), properties of a JSON body, route values. With streams on, the library takes
 * `params` from here, so that they hold the other two as well.
 */
export function triggerMetadata(
  { request, query }: HttpCall,
  match: Match,
  body: Buffer | undefined,
): Record<string, TypedData> {
  const lastValues = Object.fromEntries(
    [...queryOf(query)].map(([key, values]) => [key, values.at(-1) ?? '']),
  );
  const withoutAccessKey = Object.fromEntries(Object.entries(lastValues).filter(([key]) => key !== 'code'));
  return metadata({
    ...asText(withoutAccessKey),
    ...bodyProperties(body),
    ...asText(match.params),
    Query: { json: JSON.stringify(lastValues) },
    Headers: { json: JSON.stringify(headersOf(request)) },
  });
}

const asText = (values: Readonly<Record<string, string>>): Record<string, TypedData> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { string: value }]));

function bodyProperties(body: Buffer | undefined): Record<string, TypedData> {
  if (body === undefined || !/^\s*\{/.test(body.subarray(0, 64).toString('latin1'))) return {};
  try {
    const value = JSON.parse(body.toString()) as Record<string, Json>;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toMetadata(member)]));
  } catch {
    return {};
  }
}

/** The request as the trigger's data, with streams off. */
export function toRpcHttp(call: HttpCall, match: Match, body: Buffer | undefined): RpcHttp {
  const query = [...queryOf(call.query)].map(([key, values]): [string, string] => [key, values.join(',')]);
  const headers = Object.entries(headersOf(call.request)).map(([name, value]): [string, string] => [
    name.toLowerCase(),
    value,
  ]);
  return {
    method: call.method,
    url: `${call.origin}${encodePath(call.path, false)}${call.search}`,
    nullableHeaders: nullable(headers),
    nullableParams: nullable(Object.entries(match.params)),
    nullableQuery: nullable(query),
    body: body === undefined || body.length === 0 ? null : { bytes: body },
  };
}

const nullable = (entries: readonly [string, string][]) =>
  Object.fromEntries(entries.map(([key, value]) => [key, { value }]));

/** An answer without a body. */
export function empty(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  const length = response.req.method === 'HEAD' ? {} : { 'content-length': 0 };
  response.writeHead(status, { ...length, ...headers }).end();
}

/** Sends what a function returned. Nothing returned is 204. */
export function sendRpcHttp(response: ServerResponse, http: RpcHttp | null | undefined): void {
  if (http === null || http === undefined) return void response.writeHead(204).end();
  const body = Buffer.from(http.body?.bytes ?? []);
  const headers = Object.entries(http.headers ?? {});
  if (headers.some(([, value]) => hasNonAscii(value))) {
    const contentType = http.headers?.['content-type'];
    return void response
      .writeHead(500, {
        'content-length': 0,
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
      })
      .end();
  }
  for (const [name, value] of headers) response.setHeader(name, value);
  if (http.cookies !== undefined && http.cookies.length > 0) {
    response.setHeader('set-cookie', [
      ...[response.getHeader('set-cookie') ?? []].flat().map(String),
      ...http.cookies.map(cookieText),
    ]);
  }
  response.statusCode = Number(http.statusCode);
  const declared = response.getHeader('content-length');
  if (body.length === 0 && hasBody(response.statusCode)) response.setHeader('content-length', 0);
  response.flushHeaders();
  // A body shorter than its declared length can only end with the connection.
  if (declared !== undefined && Number(declared) !== body.length)
    response.write(body, () => response.destroy());
  else response.end(body);
}

export const hasNonAscii = (value: string): boolean => /[^\x20-\x7e\t]/.test(value);
const hasBody = (status: number): boolean => status !== 204 && status !== 304;

/** Set-Cookie as ASP.NET Core writes it. */
function cookieText(cookie: RpcCookie): string {
  const parts = [`${cookie.name ?? ''}=${encodeURIComponent(cookie.value ?? '')}`];
  const expires = cookie.expires?.value;
  if (expires !== undefined && expires !== null) parts.push(`expires=${dateOf(expires).toUTCString()}`);
  if (typeof cookie.maxAge?.value === 'number') parts.push(`max-age=${cookie.maxAge.value}`);
  if (typeof cookie.domain?.value === 'string') parts.push(`domain=${cookie.domain.value}`);
  parts.push(`path=${cookie.path?.value ?? '/'}`);
  if (cookie.secure?.value === true) parts.push('secure');
  const sameSite = String(cookie.sameSite ?? '').toLowerCase();
  if (['lax', 'strict'].includes(sameSite)) parts.push(`samesite=${sameSite}`);
  if (sameSite === 'explicitnone') parts.push('samesite=none');
  if (cookie.httpOnly?.value === true) parts.push('httponly');
  return parts.join('; ');
}

function dateOf(timestamp: unknown): Date {
  const seconds = (timestamp as { readonly seconds?: number }).seconds;
  return new Date(typeof seconds === 'number' ? seconds * 1000 : String(timestamp));
}
