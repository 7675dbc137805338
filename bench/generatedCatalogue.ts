import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runReference } from '../src/image/reference.ts';
import { toMetadata } from '../src/store/archive/archiveMetadata.ts';
import { archiveName } from '../src/store/archive/archiveNames.ts';

/** Archives of one repository. */
const PER_REPOSITORY = 100;
const DAY_MS = 24 * 3600 * 1000;
const BYTES = 1_000_000_000;

export interface GeneratedCatalogue {
  readonly connectionString: string;
  readonly deletes: () => number;
  close(): Promise<void>;
}

/**
 * A storage account with so many archives, each with a manifest and a layer's hint, none of which is kept anywhere: each
 * page of a listing is made up as it is asked for. What is deleted is counted.
 * @param now the archives were used last on one of the sixty days before
 */
export async function generateCatalogue(count: number, now: Date): Promise<GeneratedCatalogue> {
  let deletes = 0;
  const server = createServer((request, response) => {
    request.resume();
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://storage');
    if (request.method === 'DELETE') {
      deletes += 1;
      response.writeHead(202).end();
      return;
    }
    if (request.method === 'PUT') {
      response.writeHead(201).end();
      return;
    }
    if (searchParams.get('comp') !== 'list') {
      response.writeHead(404, { 'x-ms-error-code': 'BlobNotFound' }).end();
      return;
    }
    const prefix = searchParams.get('prefix') ?? '';
    const blobOf = pathname.endsWith('-index') ? hintOf(prefix) : prefix === '' ? archiveOf : undefined;
    sendPage(response, count, searchParams, (at) => blobOf?.(at, now));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const account = 'devstoreaccount1';
  const key = Buffer.alloc(64, 1).toString('base64');
  return {
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${key};BlobEndpoint=http://127.0.0.1:${port}/${account};`,
    deletes: () => deletes,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const hex = (text: string): string => createHash('sha256').update(text).digest('hex');

function archiveOf(at: number, now: Date): string {
  const name = {
    registry: 'docker.io',
    repository: `team/tool${String(Math.floor(at / PER_REPOSITORY)).padStart(6, '0')}`,
  };
  const manifestDigest = `sha256:${hex(`manifest ${at}`)}` as const;
  // Spread over sixty days, to the second, in no order.
  const used = new Date(now.getTime() - DAY_MS - ((at * 7919) % 59) * DAY_MS - ((at * 31) % 86_400) * 1000);
  const time = `${used.toISOString().slice(0, 19)}Z`;
  const metadata = toMetadata(
    {
      image: `${name.registry}/${name.repository}:${at}@${manifestDigest}`,
      platform: { os: 'linux', architecture: 'amd64' },
      manifestDigest,
      indexDigest: undefined,
      imageId: `sha256:${hex(`config ${at}`)}`,
      runRef: runReference(name, manifestDigest),
      createdAt: time,
      lastUsed: time,
    },
    '1',
  );
  return blob(archiveName(name, manifestDigest), BYTES, used, metadata);
}

function hintOf(prefix: string): ((at: number, now: Date) => string) | undefined {
  const old = (now: Date): Date => new Date(now.getTime() - 90 * DAY_MS);
  if (prefix === 'manifests/')
    return (at, now) => blob(`manifests/sha256/${hex(`manifest ${at}`)}`, 500, old(now), {});
  if (prefix !== 'layers/') return undefined;
  return (at, now) => {
    const repository = `team/tool${String(Math.floor(at / PER_REPOSITORY)).padStart(6, '0')}`;
    const archive = `${repository}/${hex(`manifest ${at}`)}.tar`;
    return blob(`layers/sha256/${hex(`layer ${at}`)}/${archive}`, 0, old(now), {});
  };
}

function blob(
  name: string,
  size: number,
  modified: Date,
  metadata: Readonly<Record<string, string>>,
): string {
  const time = modified.toUTCString();
  const members = Object.entries(metadata).map(([key, value]) => `<${key}>${value}</${key}>`);
  return `<Blob><Name>${name}</Name><Properties><Creation-Time>${time}</Creation-Time><Last-Modified>${time}</Last-Modified><Etag>0x8D</Etag><Content-Length>${size}</Content-Length><BlobType>BlockBlob</BlobType></Properties><Metadata>${members.join('')}</Metadata></Blob>`;
}

/** https://learn.microsoft.com/rest/api/storageservices/list-blobs */
function sendPage(
  response: ServerResponse,
  count: number,
  query: URLSearchParams,
  blobAt: (at: number) => string | undefined,
): void {
  const start = Number(query.get('marker') ?? 0);
  const end = Math.min(count, start + Number(query.get('maxresults') ?? 5000));
  const blobs: string[] = [];
  for (let at = start; at < end; at++) {
    const one = blobAt(at);
    if (one !== undefined) blobs.push(one);
  }
  const marker = end < count && blobs.length > 0 ? `<NextMarker>${end}</NextMarker>` : '<NextMarker />';
  response
    .writeHead(200, { 'content-type': 'application/xml' })
    .end(
      `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>${blobs.join('')}</Blobs>${marker}</EnumerationResults>`,
    );
}
