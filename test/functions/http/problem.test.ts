import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import functions, { type InvocationContext } from '@azure/functions';
import { CacheError, type ErrorCode } from '../../../src/errors.ts';
import { problem } from '../../../src/functions/http/problem.ts';

/** An invocation, and what it logged. */
function invocation(): { context: InvocationContext; logged: string[] } {
  const logged: string[] = [];
  const context = new functions.InvocationContext({
    invocationId: '11112222-3333',
    functionName: 'lookup',
    logHandler: (_level, ...args: unknown[]) => logged.push(args.join(' ')),
  });
  return { context, logged };
}

const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_reference: 400,
  invalid_request: 400,
  registry_not_allowed: 403,
  registry_denied: 403,
  cross_site_request: 403,
  image_not_found: 404,
  image_not_cached: 404,
  unsupported_image: 422,
  image_too_large: 422,
  image_cache_failed: 424,
  internal_error: 500,
  digest_mismatch: 502,
  registry_throttled: 503,
  registry_unavailable: 503,
  storage_unavailable: 503,
};

describe('a problem', () => {
  for (const [code, status] of Object.entries(STATUS) as [ErrorCode, number][]) {
    it(`${code} is answered with ${status}, and with Retry-After where it may go away`, () => {
      const { context, logged } = invocation();
      const answer = problem(new CacheError(code, 'Why, and what to do.'), context);
      const headers = answer.headers as Record<string, string>;
      const body = JSON.parse(answer.body as string) as Record<string, unknown>;
      assert.equal(answer.status, status);
      assert.equal(headers['Content-Type'], 'application/problem+json');
      const retryable = status === 503;
      assert.equal(headers['Retry-After'], retryable ? '10' : undefined);
      assert.deepEqual(
        { ...body, title: '' },
        {
          title: '',
          status,
          code,
          detail: 'Why, and what to do.',
          retryable,
          ...(retryable && { retryAfterSeconds: 10 }),
        },
      );
      assert.equal(typeof body.title, 'string');
      assert.deepEqual(logged, []);
    });
  }

  it('waits for what the registry named, in whole seconds', () => {
    const error = new CacheError('registry_throttled', 'Later.', { retryAfterSeconds: 44.2 });
    const { headers } = problem(error, invocation().context);
    assert.equal((headers as Record<string, string>)['Retry-After'], '45');
  });

  it('that nobody foresaw keeps its secrets to the log', () => {
    for (const thrown of [new Error('password=hunter2'), 'password=hunter2', { password: 'hunter2' }]) {
      const { context, logged } = invocation();
      const answer = problem(thrown, context);
      assert.equal(answer.status, 500);
      const text = JSON.stringify(answer);
      assert.doesNotMatch(text, /hunter2|node_modules|\.ts:\d|\bat \S+ \(/);
      assert.match(text, /internal_error/);
      assert.match(text, /11112222-3333/);
      assert.equal(logged.length, 1);
      if (thrown instanceof Error) assert.match(logged[0] ?? '', /hunter2[^]*at /);
    }
  });

  it('shows nothing of what caused it', () => {
    const cause = new Error('https://storage/?sig=SECRET');
    const answer = problem(
      new CacheError('storage_unavailable', 'It is down.', { cause }),
      invocation().context,
    );
    assert.doesNotMatch(JSON.stringify(answer), /SECRET/);
  });

  it('carries more members where it is told to', () => {
    const answer = problem(new CacheError('invalid_request', 'x'), invocation().context, { images: [1] });
    assert.deepEqual((JSON.parse(answer.body as string) as { images: unknown }).images, [1]);
  });
});
