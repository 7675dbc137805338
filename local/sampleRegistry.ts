import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '../src/image/digest.ts';
import type { SampleImage } from './sampleImage.ts';

const MiB = 1024 * 1024;
/** Slow enough to watch an image travel. */
const BYTES_PER_SECOND = 16 * MiB;
const CHUNK_BYTES = 256 * 1024;

export interface SampleRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Requests so far, by what they were for. */
  readonly served: { manifests: number; blobs: number };
  close(): Promise<void>;
}

/**
 * A registry that offers one image as `team/hello:1`, and nothing else: just enough of
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md to pull it.
 */
export async function startSampleRegistry(image: SampleImage): Promise<SampleRegistry> {
  const served = { manifests: 0, blobs: 0 };
  const server = http.createServer((request, response) => {
    const match = /^\/v2\/team\/hello\/(manifests|blobs)\/([^/]+)$/.exec(request.url ?? '');
    const kind = match?.[1] as keyof typeof served | undefined;
    const digest = match?.[2] === '1' ? image.index : (match?.[2] as Digest);
    const blob = image.blobs.get(digest);
    if (kind === undefined || blob === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(
        '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"this registry has team/hello:1 only"}]}',
      );
      return;
    }
    served[kind] += 1;
    const { start, end, partial } = rangeOf(request.headers.range, blob.bytes.length);
    response.writeHead(partial ? 206 : 200, {
      'content-type': kind === 'manifests' ? blob.mediaType : 'application/octet-stream',
      'content-length': end - start,
      'docker-content-digest': digest,
      'accept-ranges': 'bytes',
      ...(partial && { 'content-range': `bytes ${start}-${end - 1}/${blob.bytes.length}` }),
    });
    if (request.method === 'HEAD') response.end();
    // A client that leaves in the middle ends its own download and nothing else.
    else pipeline(Readable.from(slowly(blob.bytes.subarray(start, end))), response).catch(() => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function* slowly(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const chunk = bytes.subarray(at, at + CHUNK_BYTES);
    yield chunk;
    await sleep((chunk.length / BYTES_PER_SECOND) * 1000);
  }
}

function rangeOf(header: string | undefined, size: number): { start: number; end: number; partial: boolean } {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (match === null) return { start: 0, end: size, partial: false };
  const last = match[2] === '' || match[2] === undefined ? size - 1 : Number(match[2]);
  return { start: Number(match[1]), end: Math.min(last + 1, size), partial: true };
}
