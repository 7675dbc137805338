import type { ServerResponse } from 'node:http';
import { type Digest, sha256Of } from '../../../src/image/digest.ts';
import type { Descriptor } from '../../../src/image/manifest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../../src/image/mediaTypes.ts';
import type { Platform } from '../../../src/image/platform.ts';
import { type SeenRequest, sendBytes, serve, type TestServer } from '../../registry/support/server.ts';
import { GZIP_LAYER } from '../../archive/support/samples.ts';

export interface PushedImage {
  readonly digest: Digest;
  readonly manifest: Buffer;
  readonly config: Buffer;
  readonly layers: readonly Descriptor[];
}

export interface ImageSpec {
  readonly layers?: readonly Buffer[];
  readonly platform?: Platform;
  readonly digestOf?: (bytes: Buffer) => Digest;
}

/** A registry on loopback whose content a test can write, and whose every answer it can replace. */
export interface LoopbackRegistry extends TestServer {
  /** Answers a request itself, or returns false to leave it to the registry. */
  misbehave: (request: SeenRequest, response: ServerResponse) => boolean;
  /** Sends the blobs' requests on to a storage of another origin, as the large registries do. */
  redirects: boolean;
  readonly blobs: Map<string, Buffer>;
  /** @param tag `team/sample:1`; none for an image that only an index lists */
  push(tag: string | undefined, spec?: ImageSpec): PushedImage;
  pushIndex(tag: string, manifests: readonly (PushedImage & { readonly platform: Platform })[]): Digest;
  /** For `insecureRegistries`: the registry and its storage. */
  readonly hosts: readonly string[];
  /** Requests so far for a kind of thing. */
  asked(method: string, kind: 'manifests' | 'blobs'): string[];
}

export async function startRegistry(): Promise<LoopbackRegistry> {
  const blobs = new Map<string, Buffer>();
  const types = new Map<string, string>();
  const tags = new Map<string, Digest>();
  const state = { misbehave: (): boolean => false, redirects: false } as Pick<
    LoopbackRegistry,
    'misbehave' | 'redirects'
  >;
  const storage = await serve((request, response) => {
    const blob = blobs.get(request.url.slice(1));
    if (blob === undefined) response.writeHead(404).end();
    else sendBytes(request, response, blob);
  });
  const server = await serve((request, response) => {
    if (state.misbehave(request, response)) return;
    const [, repository = '', kind = '', name = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)$/.exec(request.url) ?? [];
    const digest = tags.get(`${repository}:${name}`) ?? name;
    const bytes = blobs.get(digest);
    if (bytes === undefined) response.writeHead(404).end();
    else if (kind === 'manifests')
      sendBytes(request, response, bytes, {
        'content-type': types.get(digest) ?? '',
        'docker-content-digest': digest,
      });
    else if (state.redirects) response.writeHead(307, { location: `${storage.origin}/${digest}` }).end();
    else sendBytes(request, response, bytes);
  });

  const add = (mediaType: string, bytes: Buffer, digestOf: (bytes: Buffer) => Digest): Descriptor => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    types.set(digest, mediaType);
    return { mediaType, digest, size: bytes.length };
  };
  const addJson = (mediaType: string, document: object): { bytes: Buffer; descriptor: Descriptor } => {
    const bytes = Buffer.from(JSON.stringify(document));
    return { bytes, descriptor: add(mediaType, bytes, sha256Of) };
  };

  return Object.assign(state, server, {
    blobs,
    push: (tag: string | undefined, spec: ImageSpec = {}): PushedImage => {
      const { layers = [], platform = AMD64, digestOf = sha256Of } = spec;
      const descriptors = layers.map((bytes) => add(GZIP_LAYER, bytes, digestOf));
      const config = addJson(OCI_CONFIG, {
        ...platform,
        rootfs: { type: 'layers', diff_ids: layers.map((bytes) => sha256Of(bytes)) },
      });
      const manifest = addJson(OCI_MANIFEST, {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: config.descriptor,
        layers: descriptors,
      });
      const { digest } = manifest.descriptor;
      if (tag !== undefined) tags.set(tag, digest);
      return { digest, manifest: manifest.bytes, config: config.bytes, layers: descriptors };
    },
    pushIndex: (tag: string, images: readonly (PushedImage & { readonly platform: Platform })[]): Digest => {
      const { descriptor } = addJson(OCI_INDEX, {
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: images.map(({ digest, manifest, platform }) => ({
          mediaType: OCI_MANIFEST,
          digest,
          size: manifest.length,
          platform,
        })),
      });
      tags.set(tag, descriptor.digest);
      return descriptor.digest;
    },
    asked: (method: string, kind: 'manifests' | 'blobs'): string[] =>
      server.seen
        .filter((request) => request.method === method && request.url.includes(`/${kind}/`))
        .map(({ url }) => url.slice(url.lastIndexOf('/') + 1)),
    hosts: [server.host, storage.host],
    close: async () => {
      await server.close();
      await storage.close();
    },
  });
}

export const AMD64: Platform = { os: 'linux', architecture: 'amd64' };
export const ARM64: Platform = { os: 'linux', architecture: 'arm64' };
