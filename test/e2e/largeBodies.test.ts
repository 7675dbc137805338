import { after, before, describe, it } from 'node:test';
import { assertProblem, type RunningApp, startApp } from '../functions/support/app.ts';

/** One that is just too large, and others that arrive in more and more pieces. */
const SIZES = [270_000, 400_000, 1_000_000, 2_000_000, 8_000_000];

describe('bodies that are too large', () => {
  let app: RunningApp;
  before(async () => (app = await startApp(0)));
  after(() => app.close());

  const send = async (path: string, body: Uint8Array<ArrayBuffer>, type: string) => {
    const answer = await fetch(app.url + path, {
      ...{ method: 'POST', body, headers: { 'content-type': type } },
      // A host that does not answer lets its client wait for minutes.
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) as never };
  };

  for (const size of SIZES) {
    for (const [what, path] of [
      ['ensure', '/api/images'],
      ['lookup', '/api/lookup?image=ubuntu'],
    ] as const) {
      for (const type of ['application/json', 'application/octet-stream']) {
        it(`${size} bytes (${type}) to ${what}, twelve at once, are refused twelve times`, async () => {
          const body = Buffer.alloc(size, 'b');
          const answers = await Promise.all(Array.from({ length: 12 }, () => send(path, body, type)));
          for (const answer of answers)
            assertProblem(answer, 400, 'invalid_request', /larger than 262144 bytes/);
        });
      }
    }
  }
});
