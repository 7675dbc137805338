import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startHost } from '../../src/host.ts';
import type { RunningHost } from '../../src/host.ts';
import { LIMIT } from '../support/waiting.ts';

const ENTRY = fileURLToPath(new URL('../apps/bodies/app.ts', import.meta.url));
const LARGE = 1_000_000;
const ANSWERED = [400, 400, 400, 400];
/** Every second one gets nothing, until the host gives up on it. */
const EVERY_SECOND = [500, 400, 500, 400];

describe("A request's body, with streams,", () => {
  let host: RunningHost;
  const log: string[] = [];
  before(async () => {
    host = await startHost({ entry: ENTRY, port: 0, unansweredAfterMs: 100, log: (line) => log.push(line) });
  }, LIMIT);
  after(() => host.close(), LIMIT);

  /** The statuses of four requests, one after the other. */
  async function statuses(route: string, bytes: number, type: string): Promise<number[]> {
    const answered: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const answer = await fetch(`${host.url}/api/${route}`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: Buffer.alloc(bytes, 'b'),
      });
      await answer.arrayBuffer();
      answered.push(answer.status);
    }
    return answered;
  }

  for (const [route, bytes, expected] of [
    ['whole', LARGE, ANSWERED],
    ['untouched', LARGE, ANSWERED],
    ['readOn', LARGE, ANSWERED],
    ['some', LARGE, EVERY_SECOND],
    ['brokenOff', LARGE, EVERY_SECOND],
    ['brokenOff', 20 * LARGE, EVERY_SECOND],
    ['brokenOff', 300_000, ANSWERED],
  ] as const) {
    // Text arrives in one piece here, since the host looks for JSON in it; other types as they flow.
    for (const type of ['application/json', 'application/octet-stream']) {
      it(
        `of ${bytes} bytes (${type}) and the handler "${route}": ${expected.join(', ')}`,
        LIMIT,
        async () => {
          assert.deepEqual(await statuses(route, bytes, type), expected);
        },
      );
    }
  }

  it('that was broken off keeps its invocation alive until functionTimeout, and the log says so', () => {
    assert.ok(log.some((line) => line.includes("Timeout value of 1 s exceeded by function 'brokenOff'")));
  });
});
