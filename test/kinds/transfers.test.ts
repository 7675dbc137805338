import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { after } from 'node:test';
import { serve, type TestServer } from '../registry/support/server.ts';
import {
  answering,
  bent,
  both,
  error,
  inRawBytes,
  isBlob,
  isManifest,
  isRanged,
  servingLayer,
} from './support/bending.ts';
import { type Case, runKind, type Seen } from './support/kinds.ts';

const RFC9110 = 'https://www.rfc-editor.org/rfc/rfc9110';
const RANGES = `${RFC9110}#section-14.2`;

function counts(most: number): NonNullable<Case['check']> {
  return ({ requests }: Seen) => assert.ok(requests.length <= most, `${requests.length} requests`);
}

/** Of an answer of 200, with what its lines end in. */
function head({
  lengths = [],
  chunked = false,
  end = '\r\n',
}: {
  readonly lengths?: readonly (number | string)[];
  readonly chunked?: boolean;
  readonly end?: string;
}): string {
  const lines = [
    'HTTP/1.1 200 OK',
    ...(chunked ? ['Transfer-Encoding: chunked'] : []),
    ...lengths.map((length) => `Content-Length: ${length}`),
  ];
  return lines.join(end) + end + end;
}

function chunked(body: Buffer): (string | Buffer)[] {
  return [`${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n'];
}

const LASTING = { code: 'registry_unavailable', retryable: false } as const;

runKind('transfers of layers', [
  ...[400, 405, 416, 501].map((status): Case => ({
    input: `${status} to every Range`,
    why: 'a Range is a wish: without it the blob is there',
    source: 'https://github.com/giuseppe/crfs-plugin/issues/1',
    serve: (registry, repository) => bent(registry, repository, () => answering(isRanged, { status })),
    right: 'ready',
  })),
  {
    input: 'the whole blob to every Range',
    why: 'a server may ignore a Range',
    source: RANGES,
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, _request, response) => response.writeHead(200).end(layer)),
      ),
    right: 'ready',
  },
  ...(
    [
      ['no Content-Range', {}],
      ['a Content-Range of other bytes', { 'content-range': 'bytes 5-9/10' }],
      ['a Content-Range that is none', { 'content-range': 'bytes */10' }],
      ['multipart/byteranges', { 'content-type': 'multipart/byteranges; boundary=x' }],
    ] as const
  ).map(([what, headers]): Case => ({
    input: `206 with ${what}`,
    why: 'where a range cannot be told, the whole can be had',
    source: `${RFC9110}#section-15.3.7`,
    serve: (registry, repository) =>
      bent(registry, repository, () =>
        answering(both(isBlob, isRanged), { status: 206, headers, body: 'something' }),
      ),
    right: 'ready',
  })),
  {
    input: '206 that nobody asked for, of the whole',
    why: 'it is all there is',
    source: `${RFC9110}#section-15.3.7`,
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, request, response) => {
          if (isRanged(request)) return response.writeHead(400).end();
          const headers = { 'content-range': `bytes 0-${layer.length - 1}/${layer.length}` };
          return response.writeHead(206, headers).end(layer);
        }),
      ),
    right: 'ready',
  },
  {
    input: '206 that nobody asked for, of a part',
    why: 'it is the same each time: no half an hour of tries',
    source: `${RFC9110}#section-15.3.7`,
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, request, response) => {
          if (isRanged(request)) return response.writeHead(400).end();
          const headers = { 'content-range': `bytes 0-9/${layer.length}` };
          return response.writeHead(206, headers).end(layer.subarray(0, 10));
        }),
      ),
    right: { ...LASTING, detail: /a part of a blob that was asked for as a whole/ },
    check: counts(10),
  },
  ...['gzip', 'x-gzip', 'br', 'zstd', 'something'].map((coding): Case => ({
    input: `layers labelled ${coding} that are not encoded`,
    why: 'the bytes as they come have the digest',
    source: 'https://github.com/moby/moby/issues/17595',
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, _request, response) =>
          response.writeHead(200, { 'content-length': layer.length, 'content-encoding': coding }).end(layer),
        ),
      ),
    right: 'ready',
  })),
  {
    input: 'a layer labelled gzip that is not encoded, of no stated length',
    why: 'its own first bytes tell',
    source: 'https://github.com/moby/moby/issues/17595',
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, _request, response) =>
          response.writeHead(200, { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' }).end(layer),
        ),
      ),
    right: 'ready',
  },
  ...(['with', 'without'] as const).map((which): Case => ({
    input: `a gzip layer that is encoded once more, ${which} a length`,
    why: 'the coding is of the message, and a Content-Length counts the bytes that are sent',
    source: `${RFC9110}#section-8.4`,
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, _request, response) => {
          const body = gzipSync(layer);
          const length = which === 'with' ? { 'content-length': body.length } : {};
          return response.writeHead(200, { 'content-encoding': 'gzip', ...length }).end(body);
        }),
      ),
    right: 'ready',
  })),
  {
    input: 'a range of an encoded layer',
    why: 'its offsets are those of other bytes, so the whole is asked for',
    source: RANGES,
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, request, response) => {
          const body = gzipSync(layer);
          const headers = { 'content-encoding': 'gzip', 'content-length': body.length };
          if (!isRanged(request)) return response.writeHead(200, headers).end(body);
          const range = { 'content-range': `bytes 0-${body.length - 1}/${body.length}` };
          return response.writeHead(206, { ...headers, ...range }).end(body);
        }),
      ),
    right: 'ready',
  },
  {
    input: 'a blob that redirects to itself',
    why: 'the next hop is no different',
    source: `${RFC9110}#section-15.4`,
    serve: (registry, repository) =>
      bent(registry, repository, () => (request, response) => {
        if (!isBlob(request)) return false;
        response.writeHead(307, { location: request.url }).end();
        return true;
      }),
    right: { ...LASTING, detail: /redirects in a circle/ },
    check: counts(6),
  },
  {
    input: 'a blob that redirects further and further',
    why: 'the eleventh hop is no different the next time',
    source: `${RFC9110}#section-15.4`,
    serve: (registry, repository) =>
      bent(registry, repository, () => (request, response) => {
        if (!isBlob(request)) return false;
        response.writeHead(302, { location: `${request.url}0` }).end();
        return true;
      }),
    right: { ...LASTING, detail: /redirected more than 10 times/ },
    check: counts(15),
  },
  {
    input: 'a redirect without Location',
    why: 'it leads nowhere the next time too',
    source: `${RFC9110}#section-15.4`,
    serve: (registry, repository) => bent(registry, repository, () => answering(isBlob, { status: 307 })),
    right: { ...LASTING, detail: /without saying where to/ },
    check: counts(4),
  },
  {
    input: 'a layer that is always short',
    why: 'the registry has no more of it',
    source: 'https://www.rfc-editor.org/rfc/rfc9112#section-8',
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, _request, response) =>
          response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(layer.subarray(0, -10)),
        ),
      ),
    right: { ...LASTING, detail: /ended early/ },
    check: counts(10),
  },
  {
    input: 'a layer whose connection always breaks at the same byte',
    why: 'chance does not hit one byte again and again',
    source: 'https://www.rfc-editor.org/rfc/rfc9112#section-8',
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, _request, response) => {
          response.writeHead(200, { 'content-length': layer.length });
          response.write(layer.subarray(0, 20), () => setTimeout(() => response.destroy(), 20));
        }),
      ),
    right: LASTING,
    check: counts(10),
  },
  {
    input: 'a layer that breaks off at another byte each time',
    why: 'a bad network: what has come is kept',
    source: RANGES,
    serve: (registry, repository) => {
      let sent = 20;
      return bent(registry, repository, (image) =>
        servingLayer(image, (layer, request, response) => {
          const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
          const part = layer.subarray(from);
          const range = `bytes ${from}-${layer.length - 1}/${layer.length}`;
          response.writeHead(206, { 'content-length': part.length, 'content-range': range });
          if (part.length <= sent) return response.end(part);
          sent += 1;
          return response.write(part.subarray(0, sent), () => setTimeout(() => response.destroy(), 20));
        }),
      );
    },
    right: 'ready',
  },
  {
    input: 'a layer that is always longer',
    why: 'it is another layer',
    source: 'https://github.com/opencontainers/image-spec/blob/main/descriptor.md#properties',
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, _request, response) =>
          response.writeHead(200).end(Buffer.concat([layer, layer])),
        ),
      ),
    right: { code: 'digest_mismatch', retryable: false },
    check: counts(10),
  },
  {
    input: 'a layer of another length by its header',
    why: 'it is another layer',
    source: 'https://github.com/opencontainers/image-spec/blob/main/descriptor.md#properties',
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (layer, _request, response) =>
          response.writeHead(200, { 'content-length': layer.length - 1 }).end(layer.subarray(1)),
        ),
      ),
    right: { code: 'digest_mismatch', retryable: false },
    check: counts(10),
  },
  {
    input: 'a config that is always another of the same length',
    why: 'content is not damaged twice in the same way',
    source: 'https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests',
    serve: (registry, repository) =>
      bent(registry, repository, ({ config }) =>
        answering(isBlob, {
          body: Buffer.alloc(config.length, ' '),
        }),
      ),
    right: { code: 'digest_mismatch', retryable: false },
    check: counts(10),
  },
  {
    input: 'a login page in place of a layer',
    why: 'storage behind a gateway answers everything with 200',
    source: `${RFC9110}#section-15.3.1`,
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (_layer, _request, response) =>
          response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in'),
        ),
      ),
    right: { ...LASTING, detail: /web page/ },
    check: counts(6),
  },
  {
    input: 'a layer that is not there',
    why: 'the message names the layer, the image and the host',
    source: 'https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs',
    serve: (registry, repository) =>
      bent(registry, repository, (image) =>
        servingLayer(image, (_layer, _request, response) =>
          response.writeHead(404, { 'content-type': 'application/json' }).end(error('BLOB_UNKNOWN')),
        ),
      ),
    right: { code: 'image_not_found', detail: /does not have blob sha256:\w+ of .*Push the image again/ },
  },
]);

const movedTo: TestServer[] = [];
after(() => Promise.all(movedTo.map((server) => server.close())));

runKind('heads that a strict parser refuses', [
  ...(
    [
      [
        'a Content-Length twice, of one value',
        (body) => [head({ lengths: [body.length, body.length] }), body],
      ],
      [
        'a Content-Length that lists its value twice',
        (body) => [head({ lengths: [`${body.length}, ${body.length}`] }), body],
      ],
      [
        'a Content-Length beside chunks',
        (body) => [head({ lengths: [body.length], chunked: true }), ...chunked(body)],
      ],
      [
        'a wrong Content-Length beside chunks',
        (body) => [head({ lengths: [3], chunked: true }), ...chunked(body)],
      ],
      ['lines that end in LF', (body) => [head({ lengths: [body.length], end: '\n' }), body]],
      [
        '103 in such lines before it',
        (body) => [
          'HTTP/1.1 103 Early Hints\nLink: </>\n\n' + head({ lengths: [body.length], end: '\n' }),
          body,
        ],
      ],
    ] as readonly (readonly [string, (body: Buffer) => (string | Buffer)[]])[]
  ).map(([what, write]): Case => ({
    input: what,
    why: 'Docker, skopeo and crane, which are written in Go, take it; no connection is used on',
    source: `${RFC9110}#section-8.6`,
    serve: (registry, repository) => bent(registry, repository, (image) => inRawBytes(image, write)),
    right: 'ready',
  })),
  ...(
    [
      ['Content-Lengths that differ', (body) => [head({ lengths: [body.length, body.length + 1] }), body]],
      ['a Content-Length that is no number', (body) => [head({ lengths: ['many'] }), body]],
      ['a greeting of another protocol', () => ['SSH-2.0-OpenSSH_9.2\r\n\r\n']],
    ] as readonly (readonly [string, (body: Buffer) => (string | Buffer)[]])[]
  ).map(([what, write]): Case => ({
    input: what,
    why: 'nobody can say which is right, and it is the same each time',
    source: `${RFC9110}#section-8.6`,
    serve: (registry, repository) => bent(registry, repository, (image) => inRawBytes(image, write)),
    right: { ...LASTING, detail: /its answer is not HTTP that can be read|Content-Length does not fit/ },
    check: counts(6),
  })),
]);

runKind('registries that moved', [
  {
    input: 'all of /v2/ is redirected to a host that gives out anonymous tokens',
    why: 'an anonymous token gives nothing away',
    source: 'https://github.com/google/go-containerregistry/issues/2333',
    serve: async (registry, repository) => {
      const image = await registry.add(repository, '1');
      const moved = await serve((request, response) => {
        const { authorization } = request.headers;
        const challenge = `Bearer realm="${moved.origin}/token"`;
        const blobs = [image.config, ...image.layers.map(({ bytes }) => bytes)];
        if (request.url.startsWith('/token')) return response.writeHead(200).end('{"token":"guest"}');
        if (authorization !== 'Bearer guest')
          return response.writeHead(401, { 'www-authenticate': challenge }).end();
        if (isManifest(request)) {
          const headers = { 'docker-content-digest': image.digest, 'content-type': image.entry.mediaType };
          return response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : image.manifest);
        }
        const layer = image.layers.find(({ digest }) => request.url.endsWith(digest));
        return response.writeHead(200).end(layer?.bytes ?? blobs[0]);
      });
      movedTo.push(moved);
      registry.friends.push(moved.host);
      registry.on(repository, (request, response) => {
        response.writeHead(308, { location: `${moved.origin}${request.url}` }).end();
        return true;
      });
    },
    right: 'ready',
  },
  {
    input: 'all of /v2/ is redirected to a host that knows no anonymous users',
    why: 'credentials would not help, so they are not advised',
    source: 'https://github.com/google/go-containerregistry/issues/2333',
    serve: async (registry, repository) => {
      const moved = await serve((request, response) => {
        const challenge = `Bearer realm="${moved.origin}/token"`;
        if (request.url.startsWith('/token')) response.writeHead(401).end(error('UNAUTHORIZED'));
        else response.writeHead(401, { 'www-authenticate': challenge }).end();
      });
      movedTo.push(moved);
      registry.friends.push(moved.host);
      registry.on(repository, (request, response) => {
        response.writeHead(308, { location: `${moved.origin}${request.url}` }).end();
        return true;
      });
    },
    right: { code: 'registry_denied', detail: /sent us on to .* which wants a sign-in/, retryable: false },
  },
]);
