import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EXIT } from '../../../src/cli/exitCodes.ts';
import type { RunResult } from '../../support/process.ts';
import { imageCache as runCommand, READY, send, startStandIn, view } from '../support/commands.ts';

let service: Awaited<ReturnType<typeof startStandIn>>;
before(async () => {
  service = await startStandIn();
});
after(() => service.close());

const imageCache = (args: readonly string[]): Promise<RunResult> =>
  runCommand(args, { env: { IMAGE_CACHE_URL: service.origin } });

describe('an answer that is none of the service', () => {
  const ready = view('a:1', 'ready', READY);
  for (const [what, args, status, body] of [
    ['a removal of nothing', ['remove', 'a:1'], 200, { foo: 1 }],
    ['an image that is null', ['list'], 200, { images: [null] }],
    ['no list', ['list'], 200, { images: {} }],
    ['a size in words', ['list'], 200, { images: [{ ...ready, size: '1 GiB' }] }],
    ['a size below nothing', ['list'], 200, { images: [{ ...ready, size: -1 }] }],
    ['a page that goes on with a number', ['list'], 200, { images: [ready], continuation: 7 }],
    ['progress that is null', ['add', 'a:1'], 202, { images: [view('a:1', 'pending', { progress: null })] }],
    [
      'bytes in words',
      ['add', 'a:1'],
      202,
      { images: [view('a:1', 'pending', { progress: { phase: 'copying', stagedBytes: 'x' } })] },
    ],
    [
      'a failure in an image that is a word',
      ['add', 'a:1'],
      202,
      { images: [view('a', 'failed', { error: 'x' })] },
    ],
    ['a lookup that is a list', ['lookup', 'a:1'], 200, []],
    ['an error without a code', ['lookup', 'a:1'], 404, {}],
    ['an error whose detail is no text', ['lookup', 'a:1'], 404, { code: 'x', detail: {}, retryable: false }],
    [
      'an error that may be tried again with "yes"',
      ['lookup', 'a:1'],
      404,
      { code: 'x', detail: 'y', retryable: 'yes' },
    ],
  ] as const) {
    it(`with ${what} is told in a line`, async () => {
      service.answer = (_, response) => send(response, status, body);
      const { code, stdout, stderr } = await imageCache([...args]);
      assert.equal(code, EXIT.failed.code, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /^image-cache: .* is not an image cache.*\n$/);
    });
  }

  it('is a refusal where its status says so, as of a gateway', async () => {
    service.answer = (_, response) => send(response, 403, {});
    assert.equal((await imageCache(['list'])).code, EXIT.refused.code);
  });
});
