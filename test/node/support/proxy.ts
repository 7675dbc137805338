import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Proxy {
  readonly url: string;
  /** Every request so far. */
  readonly requests: readonly IncomingMessage[];
  close(): Promise<void>;
}

export interface ProxyOptions {
  /** Changes what the script is told; called with the body of each answer. */
  readonly rewrite?: (body: string, request: IncomingMessage) => string;
  /** Breaks each answer off after so many bytes. */
  readonly cutAfter?: number;
  /** Where to listen, default 127.0.0.1. */
  readonly host?: string;
}

/** Stands between a node and a server, `http://host:port`, and does not do it well. */
export async function startProxy(target: () => string, options: ProxyOptions = {}): Promise<Proxy> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const { method, headers, url = '' } = request;
    const onward = httpRequest(new URL(url, target()), { ...(method !== undefined && { method }), headers });
    onward.on('error', () => response.destroy());
    onward.on('response', (answer) => {
      response.writeHead(
        answer.statusCode ?? 502,
        withoutLength(answer.headers, options.rewrite !== undefined),
      );
      const chunks: Buffer[] = [];
      let sent = 0;
      answer.on('data', (chunk: Buffer) => {
        if (options.rewrite !== undefined) chunks.push(chunk);
        else if (sent + chunk.length > (options.cutAfter ?? Infinity)) {
          response.write(chunk.subarray(0, (options.cutAfter ?? 0) - sent), () => response.destroy());
          onward.destroy();
        } else response.write(chunk);
        sent += chunk.length;
      });
      answer.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        response.end(options.rewrite === undefined ? undefined : options.rewrite(body, request));
      });
      answer.on('error', () => response.destroy());
    });
    request.pipe(onward);
  });
  const { host = '127.0.0.1' } = options;
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    requests,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function withoutLength(headers: IncomingMessage['headers'], rewritten: boolean): IncomingMessage['headers'] {
  if (!rewritten) return headers;
  const { 'content-length': length, ...rest } = headers;
  return length === undefined ? headers : rest;
}
