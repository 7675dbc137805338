import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Observation } from '../../src/worker/functionWorker.ts';
import { startHost } from '../../src/host.ts';
import type { RunningHost } from '../../src/host.ts';
import { recordings } from '../support/fixtures.ts';
import { LIMIT, until } from '../support/waiting.ts';

type Body =
  | { readonly text: string }
  | { readonly base64: string }
  | { readonly bytes: number; readonly sha256: string };

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Body;
  readonly bodyError?: string;
}
interface Recorded {
  readonly response: Answer | null;
  readonly timeout?: string;
  readonly clientError?: string;
  readonly functionInvoked?: boolean;
  readonly handlerSaw?: Readonly<Record<string, unknown>> | null;
  readonly handlerEvents?: readonly Readonly<Record<string, unknown>>[];
  readonly rpcRequest?: {
    readonly triggerMetadata: Readonly<Record<string, { string?: string; json?: string }>>;
  };
  readonly responseWhenTheClientWaitedLonger?: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly bodyText: string;
    readonly clientError: string | null;
  };
}
interface Case {
  readonly case: string;
  readonly description: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string | number | string[]>>;
    readonly body: Body | null;
    readonly transfer?: string;
  };
  readonly modes: Readonly<Record<string, Recorded>>;
}

const MODES = {
  buffered: { recorded: 'enableHttpStream=false', entry: '../apps/bufferedApp.ts' },
  streamed: { recorded: 'enableHttpStream=true', entry: '../apps/streamedApp.ts' },
} as const;
type Mode = keyof typeof MODES;

const KEYS = { master: 'the-master-key', function: 'the-function-key', system: 'the-system-key' };
const cases = recordings('http') as Map<string, Case>;

/** What makes the client go away: something that the handler logs, or so many bytes of the answer. */
type Cue = 'saw' | 'received' | number;
const TWO_CHUNKS = 14;
const GOES_AWAY: Readonly<Record<string, Readonly<Record<Mode, Cue>>>> = {
  'cancel-while-handler-works': { buffered: 'saw', streamed: 'saw' },
  'cancel-while-streaming': { buffered: 'saw', streamed: TWO_CHUNKS },
  'cancel-while-streaming-iterable': { buffered: 'saw', streamed: TWO_CHUNKS },
  'cancel-while-uploading': { buffered: 'received', streamed: 'received' },
};

/** The landing page is the host's own; its status and type are compared. */
const OWN_BODY = new Set(['root']);

function withKeys<T>(value: T): T {
  const text = JSON.stringify(value)
    .replaceAll('<master-key>', KEYS.master)
    .replaceAll('<function-key>', KEYS.function);
  return JSON.parse(text) as T;
}

/** What the recorder sent: big bodies were one letter, again and again. */
function requestBody(
  body: Body | null,
  headers: Case['request']['headers'],
  name: string,
): Buffer | undefined {
  if (body === null) return undefined;
  if (name === 'post-binary') return Buffer.from([0, 255, 1, 254]);
  if ('text' in body) return Buffer.from(body.text);
  if ('base64' in body) return Buffer.from(body.base64, 'base64');
  const isJson = headers['Content-Type'] === 'application/json';
  return isJson ? Buffer.from(`"${'c'.repeat(body.bytes - 2)}"`) : Buffer.alloc(body.bytes, 'b');
}

function describeBody(body: Buffer): Body {
  if (body.length > 4096)
    return { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') };
  const text = body.toString();
  return Buffer.from(text).equals(body) ? { text } : { base64: body.toString('base64') };
}

interface Outcome {
  readonly response: Answer | null;
  readonly clientError?: string | undefined;
}

/** The client goes away after `bytes` of the answer, or when `gone` settles. */
function send(
  port: number,
  { case: name, request: { method, path, headers, body, transfer } }: Case,
  bytes: number,
  gone: Promise<unknown>,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = http.request({
      port,
      host: '127.0.0.1',
      method,
      path,
      headers: { ...headers, host: `localhost:${port}`, connection: 'close' },
    });
    let response: Answer | undefined;
    const chunks: Buffer[] = [];
    let received = 0;
    const done = (error?: string): void => {
      const answered = describeBody(Buffer.concat(chunks).subarray(0, bytes));
      if (response === undefined) resolve({ response: null, clientError: error });
      else
        resolve({
          response: { ...response, body: answered, ...(error === undefined ? {} : { bodyError: error }) },
        });
      request.destroy();
    };
    request.on('error', (error: NodeJS.ErrnoException) => done(error.code));
    request.on('response', (incoming) => {
      const all = Object.fromEntries(
        Object.entries(incoming.headers).map(([key, value]) => [key, value ?? '']),
      );
      response = { status: incoming.statusCode ?? 0, headers: all, body: { text: '' } };
      incoming.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        received += chunk.length;
        if (received >= bytes) done('ECONNRESET');
      });
      incoming.on('error', (error: NodeJS.ErrnoException) => done(error.code));
      incoming.on('end', () => done());
    });
    void gone.then(() => done('ECONNRESET'));
    const content = requestBody(body, headers, name);
    if (name === 'cancel-while-uploading') request.write(content);
    else if (transfer === 'chunked' && content !== undefined) {
      request.write(content.subarray(0, 3));
      request.end(content.subarray(3));
    } else request.end(content);
  });
}

/** Names in lower case; without what the connection, the clock and the server's name bring. */
function comparableAnswer({ status, headers, body, bodyError }: Answer, name: string): unknown {
  const kept = Object.entries(headers)
    .map(([key, value]): [string, unknown] => [
      key.toLowerCase(),
      Array.isArray(value) && value.length === 1 ? value[0] : value,
    ])
    .filter(([key]) => !['connection', 'date', 'server', 'keep-alive', 'x-ms-invocation-id'].includes(key))
    .filter(([key]) => !OWN_BODY.has(name) || key === 'content-type');
  const hasId = Object.keys(headers).some((key) => key.toLowerCase() === 'x-ms-invocation-id');
  const text = JSON.stringify({
    status,
    headers: Object.fromEntries(kept),
    hasInvocationId: hasId,
    body: OWN_BODY.has(name) ? 'its own' : body,
    ...(bodyError === undefined ? {} : { bodyError }),
  });
  // Up to Node 22, the last line of a form has no end.
  const form = text
    .replace(/formdata-undici-\d+/g, 'formdata-undici')
    .replace('undici--\\r\\n"', 'undici--"');
  return JSON.parse(form) as unknown;
}

function comparableSaw(saw: Readonly<Record<string, unknown>>): unknown {
  return JSON.parse(JSON.stringify(saw).replace(/localhost:\d+/g, '<host>')) as unknown;
}

/** Only what the events are; times differ, and how far an upload came. */
const comparableEvents = (events: readonly Readonly<Record<string, unknown>>[]) =>
  events.map((event) => ({
    ...event,
    msAfterFirstEvent: 'any',
    ...('n' in event ? { n: event.n === 0 ? 'nothing' : 'something' } : {}),
  }));

/** Header names in lower case: the recorded ones have the spelling of the server. */
function comparableMetadata(metadata: Readonly<Record<string, { string?: string; json?: string }>>): unknown {
  const { Headers: headers, Query: query, ...rest } = metadata;
  const parsed = Object.entries(JSON.parse(headers?.json ?? '{}') as Record<string, string>);
  return JSON.parse(
    JSON.stringify({
      rest,
      query: JSON.parse(query?.json ?? 'null') as unknown,
      headers: Object.fromEntries(parsed.map(([name, value]) => [name.toLowerCase(), value])),
    }).replace(/localhost:\d+/g, '<host>'),
  ) as unknown;
}

function replay(mode: Mode): void {
  const { recorded: key, entry } = MODES[mode];
  let host: RunningHost;
  const saw = new Map<string, Record<string, unknown>>();
  const events = new Map<string, Record<string, unknown>[]>();
  const observed = new Map<string, Observation>();
  /** What to do when a handler logs something, by the kind of it and the case. */
  const cues = new Map<string, () => void>();

  function listen(line: string): void {
    const [, kind = '', json] = /: (saw|event|received) (\{.*)$/.exec(line) ?? [];
    if (json === undefined) return;
    const entry = JSON.parse(json) as {
      case: string;
      saw: Record<string, unknown>;
      event: Record<string, unknown>;
    };
    if (kind === 'saw') saw.set(entry.case, entry.saw);
    if (kind === 'event') events.set(entry.case, [...(events.get(entry.case) ?? []), entry.event]);
    cues.get(`${kind} ${entry.case}`)?.();
  }

  before(async () => {
    host = await startHost({
      entry: fileURLToPath(new URL(entry, import.meta.url)),
      port: 0,
      keys: KEYS,
      unansweredAfterMs: 300,
      log: listen,
      observe: (observation) => {
        const json = observation.request.triggerMetadata.Headers?.json ?? '{}';
        const headers = JSON.parse(json) as Record<string, string>;
        observed.set(headers['x-fx-case'] ?? '', observation);
      },
    });
  }, LIMIT);
  after(() => host.close(), LIMIT);

  for (const [name, unkeyed] of cases) {
    it(`${name}: ${unkeyed.description}`, LIMIT, async () => {
      const recorded = withKeys(unkeyed);
      const expected = recorded.modes[key];
      assert.ok(expected);
      const cue = GOES_AWAY[name]?.[mode];
      const gone = Promise.withResolvers<undefined>();
      if (typeof cue === 'string') cues.set(`${cue} ${name}`, () => gone.resolve(undefined));
      const outcome = await send(host.port, recorded, typeof cue === 'number' ? cue : Infinity, gone.promise);

      if (expected.timeout !== undefined) {
        // The recorder gave up before the host did; a few cases were waited for to the end.
        const { status, bodyText, clientError } = expected.responseWhenTheClientWaitedLonger ?? {
          status: 500,
          bodyText: '',
          clientError: null,
        };
        assert.equal(outcome.response?.status, status);
        assert.deepEqual(outcome.response.body, { text: bodyText });
        assert.equal(outcome.response.bodyError !== undefined, clientError !== null);
      } else if (expected.response === null) {
        assert.deepEqual(outcome, { response: null, clientError: expected.clientError });
      } else {
        assert.ok(outcome.response, `no response: ${outcome.clientError ?? ''}`);
        assert.deepEqual(comparableAnswer(outcome.response, name), comparableAnswer(expected.response, name));
      }

      const expectedEvents = comparableEvents(expected.handlerEvents ?? []);
      const seen = await until(`${expectedEvents.length} events`, () => {
        const now = events.get(name) ?? [];
        return now.length < expectedEvents.length ? undefined : now;
      });
      assert.deepEqual(comparableEvents(seen), expectedEvents);
      const expectedSaw = expected.handlerSaw ?? undefined;
      if (expectedSaw === undefined) assert.equal(saw.get(name), undefined);
      else {
        const actual = await until('what the handler saw', () => saw.get(name));
        assert.deepEqual(comparableSaw(actual), comparableSaw(expectedSaw));
      }
      if (expected.rpcRequest !== undefined) {
        const { request } = await until('the invocation', () => observed.get(name));
        assert.deepEqual(
          comparableMetadata(request.triggerMetadata as never),
          comparableMetadata(expected.rpcRequest.triggerMetadata),
        );
      }
    });
  }
}

// The two take turns with waiting; the cases of one do not.
describe('The HTTP part of the host', { concurrency: 2 }, () => {
  for (const mode of ['buffered', 'streamed'] as const) {
    describe(
      `replays ${cases.size} recorded cases, ${mode} (${MODES[mode].recorded})`,
      { concurrency: false },
      () => replay(mode),
    );
  }
});
