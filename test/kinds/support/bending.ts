import type { OutgoingHttpHeaders } from 'node:http';
import { sha256Of } from '../../../src/image/digest.ts';
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

/** Serves an image in answers whose bytes are written one by one: what no HTTP server can be made to say. */
export function inRawBytes(
  { digest, manifest, config, layers }: AddedImage,
  write: (body: Buffer) => readonly (string | Buffer)[],
): Handler {
  const blobs = [config, ...layers.map(({ bytes }) => bytes)];
  return ({ method, url }, response) => {
    const isTop = url.endsWith('/manifests/1') || url.endsWith(digest);
    const body = isTop ? manifest : blobs.find((bytes) => url.endsWith(sha256Of(bytes)));
    if (body === undefined) return false;
    const parts = write(body);
    const { socket } = response;
    for (const part of method === 'HEAD' ? parts.slice(0, 1) : parts) socket?.write(part);
    socket?.end();
    return true;
  };
}
