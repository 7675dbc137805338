import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { OutgoingHttpHeaders } from 'node:http';
import type { SeenRequest } from '../../registry/support/server.ts';
import type { AddedImage, CaseRegistry, Handler } from './caseRegistry.ts';

export const JSON_TYPE = { 'content-type': 'application/json' };

export interface Answered {
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

/** Of whom a rule of a case is. */
export type Asked = (request: SeenRequest) => boolean;

export const isHead: Asked = ({ method }) => method === 'HEAD';
export const isManifest: Asked = ({ url }) => url.includes('/manifests/');
export const isBlob: Asked = ({ url }) => url.includes('/blobs/');
export const isByDigest: Asked = ({ url }) => url.includes('/manifests/sha256:');
export const isRanged: Asked = ({ headers }) => headers.range !== undefined;
export const both =
  (one: Asked, other: Asked): Asked =>
  (request) =>
    one(request) && other(request);
export const not =
  (one: Asked): Asked =>
  (request) =>
    !one(request);

/** The registry's own answers, but for those that are asked for so. */
export function answering(asked: Asked, { status = 200, headers = {}, body = '' }: Answered): Handler {
  return (request, response) => {
    if (!asked(request)) return false;
    response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
    response.end(request.method === 'HEAD' ? undefined : body);
    return true;
  };
}

export function error(code: string, message = ''): string {
  return JSON.stringify({ errors: [{ code, message }] });
}

/** An ordinary image under the case's tag, whose answers are bent. */
export async function bent(
  registry: CaseRegistry,
  repository: string,
  handler: (image: AddedImage) => Handler,
): Promise<void> {
  registry.on(repository, handler(await registry.add(repository, '1')));
}

/** Serves the image's layer in another way than as it is. */
export function servingLayer(
  { layers }: AddedImage,
  serve: (layer: Buffer, ...args: Parameters<Handler>) => void,
): Handler {
  return (request, response, raw) => {
    const layer = layers.find(({ digest }) => request.url.endsWith(digest));
    if (layer === undefined) return false;
    serve(layer.bytes, request, response, raw);
    return true;
  };
}

/** A host that writes the bytes of its answers itself: what no HTTP server can be made to say. */
export async function startRawHost(
  answer: (method: string, path: string) => Buffer,
): Promise<{ readonly host: string; readonly seen: string[]; close(): void }> {
  const seen: string[] = [];
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      text += data.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const [method = '', path = ''] = text.slice(0, end).split(' ');
        text = text.slice(end + 4);
        seen.push(`${method} ${path}`);
        socket.write(answer(method, path));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, seen, close: () => server.close() };
}
