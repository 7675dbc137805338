import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readText } from '../../../src/functions/http/requestBody.ts';
import { fetchChecked } from '../../support/contract.ts';
import { assertProblem, type RunningApp, startApp } from '../support/app.ts';

/** What is longer the service refuses. */
const MOST = 256 * 1024;

/** A request whose body is sent by a program, and what became of that body. */
function arriving(send: (controller: ReadableStreamDefaultController<Uint8Array>) => Promise<void> | void) {
  const seen = { cancelled: false };
  const body = new ReadableStream<Uint8Array>({ pull: send, cancel: () => void (seen.cancelled = true) });
  return { request: { body: body as never }, seen };
}

describe("a request's body", () => {
  let app: RunningApp;
  before(async () => (app = await startApp(0)));
  after(() => app.close());

  const send = async (path: string, body: Uint8Array | string, type = 'application/json') => {
    const answer = await fetchChecked(app.url + path, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
      // A host that does not answer lets its client wait for minutes.
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) as never };
  };

  for (const [what, path] of [
    ['ensure', '/api/images'],
    ['lookup', '/api/lookup?image=ubuntu'],
  ] as const) {
    it(`of a megabyte to ${what} is refused`, async () => {
      assertProblem(
        await send(path, Buffer.alloc(1e6, 'b')),
        400,
        'invalid_request',
        /larger than 262144 bytes/,
      );
    });
  }

  it('that nobody reads does no harm: another answer comes at once', async () => {
    const body = Buffer.alloc(2_000_000, 'b');
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => send('/api/images?format=xml', body, 'application/octet-stream')),
    );
    for (const answer of answers) assertProblem(answer, 400, 'invalid_request', /format "xml" is not known/);
  });

  for (const [what, body, detail] of [
    ['is no UTF-8', Buffer.from('7b22696d616765223a22ff227d', 'hex'), /is not UTF-8 text/],
    ['is compressed', Buffer.from('1f8b08000000000000ff', 'hex'), /is not UTF-8 text/],
    ['is UTF-16', Buffer.from('{"image": "a"}', 'utf16le'), /is not JSON/],
    ['is two values', '{"image": "a"}{"image": "b"}', /is not JSON/],
    ['is nested a hundred thousand deep', '['.repeat(1e5) + ']'.repeat(1e5), /not a JSON object/],
    ['is as long as can be', `{"image": 7${' '.repeat(MOST - 12)}}`, /image is not a string/],
    ['is a form', 'image=ubuntu', /is not JSON/],
    ['asks for a hundred thousand images', JSON.stringify({ images: Array(1e5).fill('') }), /larger than/],
    ['asks for fifty thousand images', JSON.stringify({ images: Array(5e4).fill('a') }), /More than 100/],
  ] as const) {
    it(`that ${what} is refused with a sentence that helps`, async () => {
      assertProblem(await send('/api/images', body), 400, 'invalid_request', detail);
    });
  }

  it('with a byte order mark is read without it', async () => {
    assertProblem(await send('/api/images', '\ufeff{"image": "A"}'), 400, 'invalid_reference', /lower case/);
  });

  it('with a null byte in a name, or in a digest, is shown without it', async () => {
    const named = await send('/api/images', '{"image": "ubuntu\\u0000:1"}');
    assertProblem(named, 400, 'invalid_reference', /"ubuntu\?"/);
    const held = await send('/api/lookup?image=ubuntu', 'sha256:a\0b', 'text/plain');
    assertProblem(held, 400, 'invalid_request', /"sha256:a\?b" is not a diff id/);
  });
});

describe('reading a body', () => {
  it('that is too large goes on to its end, and keeps nothing', async () => {
    let chunks = 0;
    const { request, seen } = arriving((controller) => {
      if ((chunks += 1) <= 100) controller.enqueue(new Uint8Array(MOST / 4));
      else controller.close();
    });
    await assert.rejects(readText(request), /larger than 262144 bytes/);
    assert.deepEqual([chunks, seen.cancelled], [101, false]);
  });

  it('that drips ends in time, and what still comes is thrown away as it comes', async () => {
    const [answered, ended] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    let drips = 0;
    const { request, seen } = arriving(async (controller) => {
      drips += 1;
      if (drips > 1) await answered.promise;
      if (drips <= 10) return controller.enqueue(new Uint8Array(1));
      controller.close();
      ended.resolve(undefined);
    });
    await assert.rejects(readText(request, 20), {
      code: 'invalid_request',
      message: /did not arrive within 0.02 s: only 1 bytes came/,
    });
    assert.equal(seen.cancelled, false);
    answered.resolve(undefined);
    await ended.promise;
    assert.equal(drips, 11);
  });

  it('that stands still after too much holds nobody up', async () => {
    const answered = Promise.withResolvers<undefined>();
    let drips = 0;
    const { request } = arriving(async (controller) => {
      drips += 1;
      if (drips > 1) await answered.promise;
      if (drips <= 2) controller.enqueue(new Uint8Array(MOST + 1));
      else controller.close();
    });
    await assert.rejects(readText(request, 200), /larger than 262144 bytes/);
    answered.resolve(undefined);
  });

  it('that is cut off says where', async () => {
    let chunks = 0;
    const { request } = arriving((controller) => {
      if ((chunks += 1) === 1) controller.enqueue(new Uint8Array(7));
      else controller.error(new Error('aborted'));
    });
    await assert.rejects(readText(request), { message: "The request's body was cut off after 7 bytes." });
  });

  it('that is not there is empty', async () => {
    assert.equal(await readText({ body: null }), '');
  });
});
