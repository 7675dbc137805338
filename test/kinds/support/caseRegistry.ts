import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Digest, sha256Of } from '../../../src/image/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../../src/image/mediaTypes.ts';
import { type SeenRequest, sendBytes, serve, type TestServer } from '../../registry/support/server.ts';
import { type Compression, makeLayer } from '../../support/layers.ts';

export type Json = Record<string, unknown>;

/** An ordinary image, each document of which a case may bend before it is served. */
export interface ImageSpec {
  /** One text a layer. */
  readonly layers?: readonly string[];
  readonly compression?: Compression;
  /** Changes the config, or puts other bytes in its place. */
  readonly config?: (config: Json) => Json | Buffer;
  /** Changes the manifest, or puts other bytes in its place. */
  readonly manifest?: (manifest: Json) => Json | Buffer;
  /** Content-Type of the manifest; '' is none. */
  readonly type?: string;
}

export interface AddedImage {
  readonly digest: Digest;
  readonly manifest: Buffer;
  readonly config: Buffer;
  readonly layers: readonly { readonly digest: Digest; readonly bytes: Buffer }[];
  /** As an index lists it. */
  readonly entry: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
}

/** Answers a request itself, or returns false to leave it to the registry. */
export type Handler = (
  request: SeenRequest,
  response: ServerResponse,
  raw: IncomingMessage,
) => boolean | Promise<boolean>;

/** A registry whose content is written document by document, right or wrong, and whose every answer can be replaced. */
export interface CaseRegistry extends TestServer {
  /** An image under a tag of the repository; without a tag it is only there by its digest. */
  add(repository: string, tag: string | undefined, spec?: ImageSpec): Promise<AddedImage>;
  /** A document or a blob as it is. @returns its digest */
  put(bytes: Buffer | Json, options?: { readonly tag?: string; readonly type?: string }): Digest;
  /** An index under `tag` (`repository:tag`) of such entries. */
  index(tag: string, entries: readonly Json[], more?: Json): Digest;
  /** What a repository answers differently. */
  on(repository: string, handler: Handler): void;
  /** Other hosts of the case that may be local: storage, token servers. */
  readonly friends: string[];
  /** Requests so far that name the repository. */
  asked(repository: string): SeenRequest[];
}

export async function startCaseRegistry(): Promise<CaseRegistry> {
  const blobs = new Map<string, Buffer>();
  const types = new Map<string, string>();
  const tags = new Map<string, Digest>();
  const handlers = new Map<string, Handler>();
  const server = await serve(async (request, response, raw) => {
    const [, repository = '', kind = '', name = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)$/.exec(request.url.replace(/\?.*/, '')) ?? [];
    const handler = handlers.get(repository);
    if (handler !== undefined && (await handler(request, response, raw))) return;
    const digest = tags.get(`${repository}:${name}`) ?? name;
    const bytes = blobs.get(digest);
    if (bytes === undefined) response.writeHead(404).end();
    else if (kind === 'blobs') sendBytes(request, response, bytes);
    else {
      const type = types.get(digest) ?? OCI_MANIFEST;
      const headers = { ...(type !== '' && { 'content-type': type }), 'docker-content-digest': digest };
      sendBytes(request, response, bytes, headers);
    }
  });
  const put: CaseRegistry['put'] = (content, { tag, type } = {}) => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = sha256Of(bytes);
    blobs.set(digest, bytes);
    if (type !== undefined) types.set(digest, type);
    if (tag !== undefined) tags.set(tag, digest);
    return digest;
  };
  return {
    ...server,
    friends: [],
    put,
    add: async (repository, tag, spec = {}) => {
      const { layers: texts = [repository], compression = 'gzip', type = OCI_MANIFEST } = spec;
      const made = await Promise.all(texts.map((text) => makeLayer({ 'file.txt': text }, compression)));
      const layers = made.map(({ blob }) => ({ digest: put(Buffer.from(blob)), bytes: Buffer.from(blob) }));
      const config = bytesOf(
        {
          os: 'linux',
          architecture: 'amd64',
          config: { Labels: { repository } },
          rootfs: { type: 'layers', diff_ids: made.map(({ diffId }) => diffId) },
        },
        spec.config,
      );
      const suffix = compression === 'none' ? '' : `+${compression}`;
      const manifest = bytesOf(
        {
          schemaVersion: 2,
          mediaType: OCI_MANIFEST,
          config: { mediaType: OCI_CONFIG, digest: put(config), size: config.length },
          layers: layers.map(({ digest, bytes }) => ({
            mediaType: `application/vnd.oci.image.layer.v1.tar${suffix}`,
            digest,
            size: bytes.length,
          })),
        },
        spec.manifest,
      );
      const digest = put(manifest, { type, ...(tag !== undefined && { tag: `${repository}:${tag}` }) });
      return {
        digest,
        manifest,
        config,
        layers,
        entry: { mediaType: OCI_MANIFEST, digest, size: manifest.length },
      };
    },
    index: (tag, manifests, more = {}) =>
      put({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more }, { tag, type: OCI_INDEX }),
    on: (repository, handler) => void handlers.set(repository, handler),
    asked: (repository) => server.seen.filter(({ url }) => url.includes(`/${repository}/`)),
  };
}

function bytesOf(document: Json, change: (document: Json) => Json | Buffer = (same) => same): Buffer {
  const changed = change(document);
  return Buffer.isBuffer(changed) ? changed : Buffer.from(JSON.stringify(changed));
}
