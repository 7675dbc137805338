/** Passes HTTP requests on to another server and writes down each exchange, as the recordings of the client do. */
import { once } from 'node:events';
import http from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Exchange {
  readonly request: {
    readonly method: string;
    readonly host: string;
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly body: string;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly bodyJson?: unknown;
    readonly bodyText?: string;
  };
}

export interface RecordingProxy {
  readonly url: string;
  /** The exchanges since the last call. */
  take(): Exchange[];
  close(): Promise<void>;
}

const REQUEST_HEADERS = ['accept', 'content-type', 'content-length', 'x-ms-continuation-token'];
const RESPONSE_HEADERS = [
  'content-type',
  'content-length',
  'transfer-encoding',
  'location',
  'retry-after',
  'x-ms-continuation-token',
];

/** `onExchange` is called before the answer is passed on. */
export async function startRecordingProxy(target: string, onExchange: () => void): Promise<RecordingProxy> {
  const exchanges: Exchange[] = [];
  const server = http.createServer((request, response) => {
    const pass = async (): Promise<void> => {
      const body = await read(request);
      const { method = '', url = '', headers } = request;
      const forwarded = http.request(new URL(url, target), { method, headers, agent: false }).end(body);
      const [answer] = (await once(forwarded, 'response')) as [IncomingMessage];
      const text = await read(answer);
      exchanges.push({
        request: {
          method,
          host: headers.host ?? '',
          path: url,
          headers: only(headers, REQUEST_HEADERS),
          body,
        },
        response: {
          status: answer.statusCode ?? 0,
          headers: only(answer.headers, RESPONSE_HEADERS),
          ...readBody(text),
        },
      });
      onExchange();
      response.writeHead(answer.statusCode ?? 0, answer.headers).end(text);
    };
    pass().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take: () => exchanges.splice(0),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function read(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function readBody(text: string): { bodyJson: unknown } | { bodyText: string } {
  try {
    return { bodyJson: JSON.parse(text) as unknown };
  } catch {
    return { bodyText: text };
  }
}

const only = (headers: http.IncomingHttpHeaders, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (names.includes(name) ? [[name, String(value)]] : [])),
  );
