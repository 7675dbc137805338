import { Readable } from 'node:stream';
import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions';
import type { CacheContext } from '../../../context.ts';
import { mirrorBlob, mirrorManifest } from '../../../distribution/mirror.ts';
import { CacheError } from '../../../errors.ts';
import { type ImageReference, parseReference } from '../../../image/reference.ts';
import { settings } from '../../settings.ts';
import { handler } from '../handler.ts';
import { query } from '../query.ts';

const VERSION_HEADER = { 'Docker-Distribution-Api-Version': 'registry/2.0' };

/**
 * The part of a registry that pulling needs, for what is cached. Without a key: no Docker daemon would send one, so
 * whoever reaches the app can read; off unless REGISTRY_MIRROR is true.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull
 */
if (settings.registryMirror) {
  app.http('mirror', {
    route: 'v2/{*path}',
    methods: ['GET', 'HEAD'],
    authLevel: 'anonymous',
    handler: handler(async (request, context) => {
      try {
        return await answer(request, context);
      } catch (error) {
        if (error instanceof CacheError && error.status < 500) return unknown('NAME_INVALID', error.message);
        throw error;
      }
    }),
  });
}

async function answer(request: HttpRequest, context: CacheContext): Promise<HttpResponseInit> {
  const path = request.params.path ?? '';
  if (path === '')
    return { status: 200, headers: { ...VERSION_HEADER, 'Content-Type': 'application/json' }, body: '{}' };
  const [, name = '', kind, item = ''] = /^(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
  if (kind === 'manifests') return manifest(request, context, reference(request, name, item));
  if (kind === 'blobs') return blob(request, context, reference(request, name), item);
  return unknown('UNSUPPORTED', 'Only manifests and blobs of cached images are served.');
}

/** containerd names the registry that it stands in for in `ns`; Docker's own mirrors are for docker.io alone. */
function reference(request: HttpRequest, name: string, item?: string): ImageReference {
  const registry = query(request, 'ns');
  const suffix = item === undefined ? '' : item.includes(':') ? `@${item}` : `:${item}`;
  return parseReference(`${registry === undefined ? '' : `${registry}/`}${name}${suffix}`);
}

async function manifest(
  request: HttpRequest,
  context: CacheContext,
  ref: ImageReference,
): Promise<HttpResponseInit> {
  const found = await mirrorManifest(context, ref);
  if (found === undefined) return unknown('MANIFEST_UNKNOWN', 'This image is not cached.');
  return {
    status: 200,
    headers: {
      ...VERSION_HEADER,
      'Content-Type': found.mediaType,
      'Content-Length': String(found.bytes.length),
      'Docker-Content-Digest': found.digest,
    },
    ...(request.method === 'GET' && { body: found.bytes }),
  };
}

async function blob(
  request: HttpRequest,
  context: CacheContext,
  ref: ImageReference,
  digest: string,
): Promise<HttpResponseInit> {
  const found = await mirrorBlob(context, ref, digest);
  if (found === undefined)
    return unknown('BLOB_UNKNOWN', 'No cached image of this repository has this blob.');
  // Docker resumes with an open range; anything else may be answered with the whole.
  const resumed = Number(/^bytes=([0-9]+)-$/.exec(request.headers.get('range') ?? '')?.[1] ?? 0);
  const start = resumed < found.size ? resumed : 0;
  const stream = request.method === 'GET' ? await found.read(start) : undefined;
  if (stream === undefined && request.method === 'GET')
    return unknown('BLOB_UNKNOWN', 'The image was deleted.');
  return {
    status: start === 0 ? 200 : 206,
    headers: {
      ...VERSION_HEADER,
      'Content-Type': 'application/octet-stream',
      'Content-Length': String(found.size - start),
      'Docker-Content-Digest': digest,
      ...(start > 0 && { 'Content-Range': `bytes ${start}-${found.size - 1}/${found.size}` }),
    },
    ...(stream !== undefined && { body: Readable.toWeb(stream) }),
  };
}

function unknown(code: string, message: string): HttpResponseInit {
  return {
    status: 404,
    headers: { ...VERSION_HEADER, 'Content-Type': 'application/json' },
    body: JSON.stringify({ errors: [{ code, message }] }),
  };
}
