import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TestServer {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly origin: string;
  readonly port: number;
  /** What came in, as it came. */
  readonly seen: SeenRequest[];
  close(): Promise<void>;
}

export type Handler = (request: SeenRequest, response: ServerResponse, raw: IncomingMessage) => unknown;

/** A plain http server on a free loopback port that writes down what it is sent. */
export async function serve(handler: Handler): Promise<TestServer> {
  const seen: SeenRequest[] = [];
  const server = createServer((raw, response) => {
    const answer = async (): Promise<void> => {
      const { method = '', url = '', headers } = raw;
      const request: SeenRequest = { method, url, headers, body: await text(raw) };
      seen.push(request);
      await handler(request, response, raw);
    };
    // A handler that throws breaks its test and not the process.
    answer().catch((error: unknown) => {
      console.error('a test server failed:', error);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  return {
    host,
    port,
    origin: `http://${host}`,
    seen,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function redirect(response: ServerResponse, location: string, status = 307): void {
  response.writeHead(status, { location }).end();
}

/** Answers as storage and registries do: whole, or the range that was asked for. */
export function sendBytes(
  request: SeenRequest,
  response: ServerResponse,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  const match = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range ?? '');
  if (match === null) {
    response.writeHead(200, { 'content-length': bytes.length, ...headers });
    response.end(request.method === 'HEAD' ? undefined : bytes);
    return;
  }
  const start = Number(match[1]);
  const end = Math.min(bytes.length, Number(match[2] ?? bytes.length) + 1);
  if (start >= bytes.length) {
    response.writeHead(416).end();
    return;
  }
  response.writeHead(206, {
    'content-length': end - start,
    'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
    ...headers,
  });
  response.end(bytes.subarray(start, end));
}
