import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { CaseRegistry, Handler } from './support/caseRegistry.ts';
import { runKind, type Seen } from './support/kinds.ts';

const RETRY_AFTER = 'https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3';
const TOO_MANY = 'https://www.rfc-editor.org/rfc/rfc6585#section-4';
const INCOMPLETE = 'https://www.rfc-editor.org/rfc/rfc9112#section-8';
const VERIFICATION = 'https://github.com/opencontainers/image-spec/blob/main/descriptor.md#verification';
const ERRORS = 'https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes';
const UNAVAILABLE = 'https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4';

/** Text that hardly compresses: its layer is one of some twenty blocks. */
const LONG = Array.from({ length: 1500 }, (_, index) =>
  createHash('sha256').update(String(index)).digest('hex'),
).join('');

/** An image of a small and a long layer, whose registry answers for the long one in its own way. */
async function withLongLayer(
  registry: CaseRegistry,
  repository: string,
  answer: (bytes: Buffer, start: number, times: number) => Handler,
): Promise<void> {
  const { layers } = await registry.add(repository, '1', { layers: [repository, LONG + repository] });
  const { digest, bytes } = layers[1] ?? assert.fail();
  let times = 0;
  registry.on(repository, (request, response, raw) => {
    if (request.method !== 'GET' || !request.url.endsWith(digest)) return false;
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    return answer(bytes, start, ++times)(request, response, raw);
  });
}

const refuse =
  (status: number, headers: Readonly<Record<string, string>> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, headers).end();
    return true;
  };

/** Sends so many bytes of what was asked for and then breaks the connection. */
const breakAfter =
  (bytes: Buffer, start: number, count: number): Handler =>
  ({ headers }, response) => {
    const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    const isRanged = headers.range !== undefined;
    response.writeHead(isRanged ? 206 : 200, {
      'content-length': bytes.length - start,
      ...(isRanged && range),
    });
    response.write(bytes.subarray(start, start + count), () => setTimeout(() => response.destroy(), 20));
    return true;
  };

const whole: Handler = () => false;

/** Whatever was staged is gone, and no blob is there. */
async function assertNothingLeft({ context, repository }: Seen): Promise<void> {
  const left: string[] = [];
  for await (const { name } of context.storage.images.listBlobsFlat({ includeUncommitedBlobs: true }))
    if (name.includes(`/${repository}/`)) left.push(name);
  assert.deepEqual(left, []);
}

runKind('copying that fails', [
  {
    input: 'a layer throttled in its middle, twice',
    why: 'what is copied is kept, and the registry is asked for the rest when it said',
    source: RETRY_AFTER,
    serve: (registry, repository) =>
      withLongLayer(registry, repository, (bytes, start, times) =>
        start > 0 && times < 6 && times % 2 === 0
          ? refuse(429, { 'retry-after': '77' })
          : breakAfter(bytes, start, times < 6 ? 20_000 : bytes.length),
      ),
    right: 'ready',
    check: ({ runs, requests }) => {
      assert.ok(runs.waits.includes(77), String(runs.waits));
      const status = runs.statuses.find(({ phase }) => phase === 'waiting');
      assert.equal(status?.waiting?.code, 'registry_throttled');
      const starts = requests.map(({ headers }) => /^bytes=(\d+)/.exec(headers.range ?? '')?.[1]);
      assert.ok(starts.some((start) => Number(start) > 30_000));
    },
  },
  {
    input: 'a layer whose connection breaks after every 20,000 bytes',
    why: 'it is taken up at the byte, as often as it makes progress',
    source: INCOMPLETE,
    serve: (registry, repository) =>
      withLongLayer(registry, repository, (bytes, start) => breakAfter(bytes, start, 20_000)),
    right: 'ready',
  },
  {
    input: 'a layer that is damaged on the way once',
    why: 'the second reading is right',
    source: VERIFICATION,
    serve: (registry, repository) =>
      withLongLayer(registry, repository, (bytes, start, times) =>
        times === 1
          ? breakAfter(Buffer.concat([Buffer.of(0), bytes.subarray(1)]), start, bytes.length)
          : whole,
      ),
    right: 'ready',
    check: ({ runs }) => assert.deepEqual(runs.waits, [5]),
  },
  {
    input: 'a layer that is damaged at the registry',
    why: 'it is read a second time, refused, and leaves nothing behind',
    source: VERIFICATION,
    serve: (registry, repository) =>
      withLongLayer(registry, repository, (bytes, start) =>
        breakAfter(Buffer.concat([Buffer.of(0), bytes.subarray(1)]), start, bytes.length),
      ),
    right: { code: 'digest_mismatch', detail: /Layer 2 of 2 .* corrupt/, retryable: false },
    check: assertNothingLeft,
  },
  {
    input: 'a layer that may not be pulled',
    why: 'the run ends at once, and the layer that came is thrown away',
    source: ERRORS,
    serve: (registry, repository) => withLongLayer(registry, repository, () => refuse(403)),
    right: { code: 'registry_denied', retryable: false },
    check: async (seen) => {
      assert.deepEqual(seen.runs.waits, []);
      await assertNothingLeft(seen);
    },
  },
  {
    input: 'a layer that answers 503 for ever',
    why: 'an outage is waited out for half an hour; then the caller hears when to ask again',
    source: UNAVAILABLE,
    serve: (registry, repository) => withLongLayer(registry, repository, () => refuse(503)),
    right: {
      code: 'registry_unavailable',
      detail: /given up after \d+ tries; ask .* in \d+ minutes/,
      retryable: true,
    },
    check: async (seen) => {
      const waited = seen.runs.waits.reduce((total, seconds) => total + seconds, 0);
      assert.ok(waited > 20 * 60 && waited <= 30 * 60, `${waited} s`);
      assert.ok((seen.failure?.retryAfterSeconds ?? 0) >= 300);
      await assertNothingLeft(seen);
    },
  },
  {
    input: 'a layer that is throttled for ever, an hour each time',
    why: 'the operator says for how many hours it is waited for; then the caller hears when to ask again',
    source: TOO_MANY,
    serve: (registry, repository) =>
      withLongLayer(registry, repository, () => refuse(429, { 'retry-after': '3600' })),
    right: {
      code: 'registry_throttled',
      detail: /given up after \d tries; ask .* in 60 minutes/,
      retryable: true,
    },
    check: async (seen) => {
      assert.deepEqual(
        seen.runs.waits,
        Array.from({ length: 7 }, () => 3600),
      );
      assert.equal(seen.failure?.retryAfterSeconds, 3600);
      await assertNothingLeft(seen);
    },
  },
]);
