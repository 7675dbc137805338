/**
 * The HTTP functions that the recordings in test/fixtures/http/ were made with, written anew from
 * what the recordings show. What a handler saw goes into the log, as JSON, under the request's x-fx-case.
 * bufferedApp.ts and streamedApp.ts load it, without and with HTTP streams.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import functions from '@azure/functions';
import type { HttpFunctionOptions, HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';

/** By the default export: Node 22 does not find HttpResponse as a named one. */
const { HttpResponse, app } = functions;

const MIB = 1024 * 1024;

/** Writes what a handler can see of its request into the log. */
function report(request: HttpRequest, context: InvocationContext, extra: object = {}): void {
  const { method, url, params, bodyUsed, user } = request;
  const saw = {
    functionName: context.functionName,
    method,
    url,
    params,
    query: [...request.query],
    headers: Object.fromEntries(request.headers),
    bodyUsed,
    bodyIsNull: request.body === null,
    user,
    hasSignal: 'signal' in request,
    ...extra,
  };
  context.log(`saw ${JSON.stringify({ case: request.headers.get('x-fx-case'), saw })}`);
}

const happened = (request: HttpRequest, context: InvocationContext, what: string, more: object = {}): void =>
  context.log(
    `event ${JSON.stringify({ case: request.headers.get('x-fx-case'), event: { what, ...more } })}`,
  );

type Handler = (request: HttpRequest, context: InvocationContext) => unknown;
type Options = Omit<HttpFunctionOptions, 'handler'>;

/** A handler may return anything here: what the library and the host do with it is the point. */
function http(name: string, options: Options, handler: Handler): void {
  app.http(name, {
    authLevel: 'anonymous',
    ...options,
    handler: async (request, context) => (await handler(request, context)) as HttpResponseInit,
  });
}

// Routes: all answer with their name and params

const plain = (name: string, options: Options = {}): void =>
  http(name, options, (request, context) => {
    report(request, context);
    return { jsonBody: { fn: name, params: request.params } };
  });

plain('hello', { route: 'hello/{name}' });
plain('files', { route: 'files/{*path}' });
plain('files2', { route: 'files2/{*path}' });
plain('files2special', { route: 'files2/special' });
plain('files3', { route: 'files3/{*path}' });
plain('aaLiteral', { route: 'files3/special' });
plain('aaCatch', { route: 'cat/{*path}' });
plain('catLiteral', { route: 'cat/x' });
plain('aaParam', { route: 'par/{id}' });
plain('parLiteral', { route: 'par/special' });
plain('intid', { route: 'num/{id:int}' });
plain('mixed', { route: 'Mixed/Case/{Name}' });
plain('noroute');
plain('dash-name');
plain('opt', { route: 'opt/{id?}' });
plain('two', { route: 'two/{a}/x/{b}' });
plain('ga', { route: 'ga4gh/trs/v2/tools/{id}' });
plain('gav', { route: 'ga4gh/trs/v2/tools/{id}/versions/{v}' });
plain('adminlevel', { authLevel: 'admin' });
plain('lvladmin', { route: 'lvl/admin', authLevel: 'admin' });
plain('runtimex', { route: 'runtime/x' });
plain('fnlevel', { authLevel: 'function' });
plain('defmethods');
plain('getonly', { methods: ['GET'] });
plain('headopt', { methods: ['HEAD', 'OPTIONS'] });

// Bodies

http('echo', { methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] }, async (request, context) => {
  const text = await request.text();
  report(request, context, { text });
  return { body: 'ok' };
});
http('json', { methods: ['POST'] }, async (request, context) => {
  try {
    const json = await request.json();
    report(request, context, { json });
    return { jsonBody: { got: json } };
  } catch (error) {
    const { name, message } = error as Error;
    report(request, context, { jsonThrew: { name, message } });
    throw error;
  }
});
http('form', { methods: ['POST'] }, async (request, context) => {
  const form: unknown[] = [];
  for (const [name, value] of await request.formData()) {
    if (typeof value === 'string') form.push([name, value]);
    else form.push([name, { file: value.name, type: value.type, text: await value.text() }]);
  }
  report(request, context, { form });
  return { body: 'ok' };
});
http('upload', { methods: ['POST'] }, async (request, context) => {
  const body = Buffer.from(await request.arrayBuffer());
  const seen = { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') };
  report(request, context, seen);
  return { jsonBody: seen };
});
http('uploadstream', { methods: ['POST'] }, async (request, context) => {
  let [bytes, chunks] = [0, 0];
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    chunks += 1;
  }
  report(request, context, { bytes, moreThanOneChunk: chunks > 1 });
  return { jsonBody: { bytes } };
});
http('ignorebody', { methods: ['POST'] }, (request, context) => {
  report(request, context);
  return { status: 413, body: 'not read' };
});
http('slowUpload', { methods: ['POST'] }, async (request, context) => {
  happened(request, context, 'handler start');
  let n = 0;
  try {
    for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      n += chunk.length;
      context.log(`received ${JSON.stringify({ case: request.headers.get('x-fx-case') })}`);
    }
  } catch (error) {
    const { name, message } = error as Error;
    happened(request, context, 'body read threw', { n, name, message });
    throw error;
  }
  happened(request, context, 'body read', { n });
  return { body: String(n) };
});

// Whatever a handler may return or throw

type Made = (request: HttpRequest, context: InvocationContext) => unknown;

async function* chunks(
  request: HttpRequest,
  context: InvocationContext,
  count: number,
  ms: number,
  failAt = Infinity,
) {
  try {
    for (let index = 0; index < count; index++) {
      if (index === failAt) throw new Error('stream failed');
      yield Buffer.from(`chunk${index}\n`);
      await sleep(ms);
    }
    happened(request, context, 'generator finished');
  } finally {
    happened(request, context, 'generator finally');
  }
}
const textPlain = { 'content-type': 'text/plain' };
const octets = { 'content-type': 'application/octet-stream' };
const fourBytes = Uint8Array.of(0, 1, 2, 255);
const thrown = (what: unknown): never => {
  throw what as Error;
};

const RETURNS: Readonly<Record<string, Made>> = {
  stringBody: () => ({ body: 'héllo' }),
  stringBodyHtml: () => ({ body: '<b>x</b>', headers: { 'content-type': 'text/html' } }),
  emptyStringBody: () => ({ body: '' }),
  emptyObject: () => ({}),
  unknownProps: () => ({ statusCode: 400, bodyText: 'x' }),
  arrayResult: () => [1, 2],
  bufferBody: () => ({ body: Buffer.from(fourBytes) }),
  uint8Body: () => ({ body: fourBytes }),
  uint8BodyTyped: () => ({ body: fourBytes, headers: { ...octets, 'content-length': '4' } }),
  arrayBufferBody: () => ({ body: fourBytes.buffer }),
  blobBody: () => ({ body: new Blob(['blobby'], { type: 'text/x-blob' }) }),
  urlSearchParamsBody: () => ({ body: new URLSearchParams({ a: '1 2' }) }),
  formDataBody: () => {
    const body = new FormData();
    body.append('a', '1');
    return { body };
  },
  readableStreamBody: () => ({
    body: ReadableStream.from(['chunk0\n', 'chunk1\n', 'chunk2\n'].map((text) => Buffer.from(text))),
  }),
  nodeReadableBody: (request, context) => ({
    body: Readable.from(chunks(request, context, 3, 10)),
    headers: textPlain,
  }),
  asyncIterableBody: (request, context) => ({ body: chunks(request, context, 3, 10) }),
  slowStream: (request, context) => ({
    body: Readable.from(chunks(request, context, 16, 20)),
    headers: textPlain,
  }),
  slowStream2: (request, context) => ({ body: chunks(request, context, 16, 20), headers: textPlain }),
  streamFailsMidway: (request, context) => ({
    body: chunks(request, context, 16, 10, 2),
    headers: textPlain,
  }),
  slowThenReply: async (request, context) => {
    const aborted = 'signal' in request ? 'signal' : 'no signal';
    happened(request, context, 'handler start', { aborted });
    await sleep(200);
    happened(request, context, 'handler end', { aborted });
    return { body: 'late' };
  },
  jsonBody: () => ({ jsonBody: { a: 1, u: 'ü€', n: null } }),
  jsonBodyArray: () => ({ jsonBody: [1, 2] }),
  jsonBodyString: () => ({ jsonBody: 'text' }),
  jsonBodyNumberZero: () => ({ jsonBody: 0 }),
  jsonBodyNull: () => ({ jsonBody: null }),
  jsonBodyUndefined: () => ({ jsonBody: undefined }),
  jsonBodyAndBody: () => ({ jsonBody: { a: 1 }, body: 'not this' }),
  jsonBodyAndContentType: () => ({
    jsonBody: { a: 1 },
    headers: { 'content-type': 'application/problem+json' },
  }),
  status204: () => ({ status: 204 }),
  status204WithBody: () => ({ status: 204, body: 'x' }),
  status302: () => ({ status: 302, headers: { location: '/api/echo' } }),
  status304: () => ({ status: 304, headers: { etag: '"x"' } }),
  status404Body: () => ({ status: 404, jsonBody: { error: 'nope' } }),
  status418: () => ({ status: 418 }),
  status500: () => ({ status: 500, body: 'own 500' }),
  status101: () => ({ status: 101 }),
  status999: () => ({ status: 999 }),
  statusString: () => ({ status: '201', body: 'x' }),
  customHeaders: () => ({
    body: 'x',
    headers: {
      'cache-control': 'no-store',
      date: 'Thu, 01 Jan 1970 00:00:00 GMT',
      server: 'own',
      'x-custom-one': 'a',
      'x-list': 'a, b',
    },
  }),
  multiHeader: () => {
    const headers = new Headers();
    for (const [name, value] of [
      ['x-multi', '1'],
      ['x-multi', '2'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ] as const) {
      headers.append(name, value);
    }
    return { body: 'x', headers };
  },
  nonAsciiHeader: () => ({ body: 'x', headers: { 'x-nonascii': 'café' } }),
  contentLengthWrong: () => ({ body: 'abc', headers: { 'content-length': '10' } }),
  etagRange: () => ({ body: '0123456789', headers: { etag: '"abc"', 'accept-ranges': 'bytes' } }),
  cookies: () => ({
    body: 'x',
    cookies: [
      { name: 'a', value: '1', path: '/', maxAge: 60, secure: true, httpOnly: true, sameSite: 'Lax' },
      { name: 'b', value: 'x y', expires: new Date(1_700_000_000_000) },
    ],
  }),
  newHttpResponse: () => new HttpResponse({ status: 203, body: 'via HttpResponse', headers: { 'x-y': 'z' } }),
  webResponse: () => new Response('via fetch Response', { status: 203, headers: { 'x-y': 'z' } }),
  undefinedResult: () => undefined,
  nullResult: () => null,
  stringResult: () => 'text',
  numberResult: () => 5,
  throwError: () => thrown(new Error('handler threw')),
  throwString: () => thrown('a string'),
  throwStatusError: () => thrown(Object.assign(new Error('teapot'), { status: 418, statusCode: 418 })),
  down1mb: () => ({ body: Buffer.alloc(MIB, 'a'), headers: octets }),
  down1mbText: () => ({ body: 'a'.repeat(MIB) }),
  down20mb: () => ({ body: Buffer.alloc(20 * MIB, 'a'), headers: octets }),
  down20mbText: () => ({ body: 'a'.repeat(20 * MIB) }),
  down20mbStream: () => ({
    body: Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(MIB, 'a'))),
    headers: octets,
  }),
};

for (const [name, make] of Object.entries(RETURNS)) {
  http(name, { route: `r/${name}`, methods: ['GET'] }, (request, context) => {
    report(request, context);
    return make(request, context);
  });
}
