import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import { request as forward } from 'undici';
import type { Random } from './random.ts';
import { type SeenRequest, serve, type TestServer } from './server.ts';

/** What a network, a CDN or a registry can do to an answer. */
export const FAULTS = [
  'refuse', // the connection ends before an answer
  'reset', // RST in the middle of the body
  'stall', // no more bytes, and no end
  'drip', // a byte now and then
  'short', // FIN before the Content-Length is reached
  'http10', // no length: the end of the connection is the end of the body, and comes early
  'shifted range', // a Content-Range that is not the one asked for
  'wrong total', // a Content-Range of another blob's size
  'no range', // the whole blob although a range was asked for
  'truncated range', // less than was asked for, and honest about it
  'more bytes', // than the blob has, chunked
  'flipped bit', // somewhere in the body
  'encoded', // a Content-Encoding that nobody asked for
  'garbage', // no HTTP at all
  'error 500',
  'error 502',
  'error 503',
  'throttle', // 429, come back at once
  'throttle long', // 429, come back in 45 s
  'expired', // a signed address that has ended
  'unauthorized', // a token that has ended
  'loop', // a redirect to itself
] as const;
export type FaultKind = (typeof FAULTS)[number];

export interface FaultPlan {
  readonly random: Random;
  /** Of the requests that are answered wrongly, in [0, 1]. */
  readonly rate: number;
}

export interface FaultProxy extends TestServer {
  readonly injected: Map<FaultKind, number>;
}

/**
 * The real answer of `upstream`, until the plan says otherwise.
 * @param storage where the upstream's redirects are to lead instead
 */
export async function startFaultProxy(
  upstream: string,
  plan: () => FaultPlan,
  storage?: string,
): Promise<FaultProxy> {
  const injected = new Map<FaultKind, number>();
  const server = await serve(async (request, response) => {
    if (request.url.startsWith('/token')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"token":"t","expires_in":300}');
      return;
    }
    const { random, rate } = plan();
    const kind = random.chance(rate) ? random.pick(FAULTS) : undefined;
    const answer = await forward(upstream + request.url, {
      method: request.method as 'GET' | 'HEAD',
      headers: forwarded(request, upstream),
    });
    const body = Buffer.from(await answer.body.arrayBuffer());
    const headers = Object.fromEntries(
      Object.entries(answer.headers).filter(
        ([name, value]) => value !== undefined && !['connection', 'transfer-encoding', 'date'].includes(name),
      ),
    ) as Record<string, string>;
    if (storage !== undefined && headers.location !== undefined) {
      headers.location = storage + new URL(headers.location).pathname;
    }
    const original: Original = { status: answer.statusCode, headers, body };
    if (kind === undefined || !(await inject(kind, request, response, original, upstream, random))) {
      response.writeHead(original.status, headers).end(request.method === 'HEAD' ? undefined : body);
      return;
    }
    injected.set(kind, (injected.get(kind) ?? 0) + 1);
  });
  return { ...server, injected };
}

function forwarded(request: SeenRequest, upstream: string): Record<string, string> {
  const headers = without(request.headers as Record<string, string>, 'connection');
  return { ...headers, host: new URL(upstream).host };
}

function without(headers: Readonly<Record<string, string>>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
}

interface Original {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** @returns false where the fault does not apply to this request */
async function inject(
  kind: FaultKind,
  request: SeenRequest,
  response: ServerResponse,
  { status, headers, body }: Original,
  upstream: string,
  random: Random,
): Promise<boolean> {
  const cut = random.between(0, Math.max(1, body.length));
  const isRange = status === 206;
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '');
  const [first, last, total] = [Number(range?.[1]), Number(range?.[2]), Number(range?.[3])];
  const raw = (text: string, bytes: Buffer = Buffer.alloc(0)): void => {
    response.socket?.write(Buffer.concat([Buffer.from(text, 'latin1'), bytes]));
  };
  switch (kind) {
    case 'refuse':
      response.socket?.destroy();
      return true;
    case 'reset':
      response.writeHead(status, headers).write(body.subarray(0, cut));
      await sleep(1);
      response.socket?.resetAndDestroy();
      return true;
    case 'stall':
      response.writeHead(status, headers).write(body.subarray(0, cut));
      return true;
    case 'drip':
      response.writeHead(status, headers).write(body.subarray(0, cut));
      for (let at = cut; at < body.length && !response.destroyed; at += 1) {
        await sleep(20);
        response.write(body.subarray(at, at + 1));
      }
      response.end();
      return true;
    case 'short':
      response.writeHead(status, headers).write(body.subarray(0, cut));
      await sleep(1);
      response.socket?.end();
      return true;
    case 'http10': {
      const rest = without(headers, 'content-length');
      const lines = Object.entries(rest).map(([name, value]) => `${name}: ${value}\r\n`);
      raw(`HTTP/1.0 ${status} X\r\n${lines.join('')}\r\n`, body.subarray(0, cut));
      response.socket?.end();
      return true;
    }
    case 'shifted range':
      if (!isRange) return false;
      response.writeHead(206, { ...headers, 'content-range': `bytes ${first + 1}-${last + 1}/${total}` });
      response.end(body);
      return true;
    case 'wrong total':
      if (!isRange) return false;
      response
        .writeHead(206, { ...headers, 'content-range': `bytes ${first}-${last}/${total + 7}` })
        .end(body);
      return true;
    case 'no range': {
      if (!isRange) return false;
      const rest = without(forwarded(request, upstream), 'range');
      const whole = await forward(upstream + request.url, { headers: rest });
      const bytes = Buffer.from(await whole.body.arrayBuffer());
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      return true;
    }
    case 'truncated range': {
      if (!isRange || body.length < 2) return false;
      const less = body.subarray(0, Math.max(1, cut));
      response.writeHead(206, {
        ...headers,
        'content-length': String(less.length),
        'content-range': `bytes ${first}-${first + less.length - 1}/${total}`,
      });
      response.end(less);
      return true;
    }
    case 'more bytes': {
      const rest = without(headers, 'content-length');
      response.writeHead(status, rest).write(body);
      response.end(Buffer.from('more'));
      return true;
    }
    case 'flipped bit': {
      if (body.length === 0) return false;
      const wrong = Buffer.from(body);
      wrong[cut] = (wrong[cut] ?? 0) ^ 1;
      response.writeHead(status, headers).end(wrong);
      return true;
    }
    case 'encoded':
      response.writeHead(status, { ...headers, 'content-encoding': 'gzip' }).end(body);
      return true;
    case 'garbage':
      raw('\x16\x03\x01 this is not HTTP\r\n\r\n');
      response.socket?.end();
      return true;
    case 'error 500':
    case 'error 502':
    case 'error 503':
      response.writeHead(Number(kind.slice(-3))).end('<html>oh</html>');
      return true;
    case 'throttle':
      response.writeHead(429, { 'retry-after': '0' }).end('{"errors":[{"code":"TOOMANYREQUESTS"}]}');
      return true;
    case 'throttle long':
      response.writeHead(429, { 'retry-after': '45' }).end('{"errors":[{"code":"TOOMANYREQUESTS"}]}');
      return true;
    case 'expired':
      // At the registry itself 403 means what it says.
      if (request.url.startsWith('/v2/')) return false;
      response.writeHead(403).end('<Error><Code>AuthenticationFailed</Code></Error>');
      return true;
    case 'unauthorized':
      response.writeHead(401, { 'www-authenticate': `Bearer realm="/token",service="x"` }).end();
      return true;
    case 'loop':
      response.writeHead(307, { location: request.url }).end();
      return true;
  }
}
