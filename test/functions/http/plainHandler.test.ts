import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import functions, { type HttpResponseInit } from '@azure/functions';
import { BODY_MS, HANDLER_MS } from '../../../src/functions/http/deadlines.ts';
import { plainHandler } from '../../../src/functions/http/plainHandler.ts';
import { MAX_WAIT_SECONDS } from '../../../src/api/limits.ts';

const invocation = new functions.InvocationContext({ invocationId: 'the-id', logHandler: () => undefined });
const request = new functions.HttpRequest({ method: 'GET', url: 'http://host/api/x' });

describe('a handler', () => {
  it('that never ends is answered for, with when to ask again', async () => {
    const never = plainHandler(() => new Promise<HttpResponseInit>(() => undefined), 20);
    const { status, headers, body } = (await never(request, invocation)) as HttpResponseInit;
    assert.equal(status, 503);
    assert.equal((headers as Headers).get('content-type'), 'application/problem+json');
    assert.equal((headers as Headers).get('retry-after'), '10');
    const problem = JSON.parse(body as string) as Record<string, unknown>;
    assert.equal(problem.code, 'storage_unavailable');
    assert.match(String(problem.detail), /no answer after 0.02 s: .* Ask again; .* invocation the-id\.$/);
  });

  it('that fails after its time does no harm', async () => {
    const late = Promise.withResolvers<HttpResponseInit>();
    const { status } = (await plainHandler(() => late.promise, 1)(request, invocation)) as HttpResponseInit;
    late.reject(new Error('too late'));
    assert.equal(status, 503);
  });

  it('that throws, at once or later, answers with a problem', async () => {
    for (const work of [
      () => Promise.reject(new Error('broken')),
      (): never => {
        throw new Error('broken');
      },
    ]) {
      const { status } = (await plainHandler(work)(request, invocation)) as HttpResponseInit;
      assert.equal(status, 500);
    }
  });

  it('has time for what it waits for, and less than the platform gives', () => {
    // Azure's load balancer waits for 230 s.
    const deadlines = [BODY_MS + MAX_WAIT_SECONDS * 1000, HANDLER_MS, 230_000];
    assert.deepEqual(
      deadlines,
      deadlines.toSorted((a, b) => a - b),
    );
  });
});
