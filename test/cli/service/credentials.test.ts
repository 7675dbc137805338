import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { EXIT } from '../../../src/cli/exitCodes.ts';
import type { RunResult } from '../../support/process.ts';
import { imageCache as runCommand, send, startStandIn } from '../support/commands.ts';

let service: Awaited<ReturnType<typeof startStandIn>>;
before(async () => {
  service = await startStandIn();
});
after(() => service.close());

const imageCache = (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunResult> => runCommand(args, { env: { IMAGE_CACHE_URL: service.origin, ...env } });

describe('a key or token', () => {
  for (const [what, value] of [
    ['of two lines', 'MYSECRET\nline2'],
    ['with a letter beyond ASCII', 'MYSECRET€'],
    ['with a blank', 'MYSECRET line2'],
  ] as const) {
    it(`${what} is a mistake that is told without it, and nothing is sent`, async () => {
      const before = service.seen.length;
      for (const name of ['IMAGE_CACHE_KEY', 'IMAGE_CACHE_TOKEN']) {
        const { code, stdout, stderr } = await imageCache(['list'], { [name]: value });
        assert.deepEqual([code, stdout], [EXIT.usage.code, '']);
        assert.match(stderr, new RegExp(`${name} has a character`));
        assert.doesNotMatch(stderr, /MYSECRET|line2/);
      }
      assert.equal(service.seen.length, before);
    });
  }

  it('in the URL of a service is a mistake, too', async () => {
    for (const url of [
      'http://cache.example/?code=MYSECRET',
      'http://cache.example/#MYSECRET',
      'http://user:MYSECRET@cache.example',
      'cache.example?code=MYSECRET',
      'user:MYSECRET@cache.example',
    ]) {
      const { code, stderr } = await imageCache(['list', '--service', url]);
      assert.equal(code, EXIT.usage.code, stderr);
      assert.doesNotMatch(stderr, /MYSECRET/);
    }
  });

  it('may end with the end of a line, as a file does', async () => {
    service.answer = (_, response) => send(response, 200, { images: [] });
    assert.equal((await imageCache(['list'], { IMAGE_CACHE_KEY: 'key\n' })).code, EXIT.done.code);
    assert.equal(service.seen.at(-1)?.headers['x-functions-key'], 'key');
  });

  it('goes to nobody who listens on this machine, where no service is named', async (t) => {
    const heard: unknown[] = [];
    const listener = createServer((request, response) => {
      heard.push([request.headers['x-functions-key'], request.headers.authorization]);
      send(response, 200, { images: [] });
    });
    listener.listen(7071, '127.0.0.1');
    try {
      await once(listener, 'listening');
    } catch {
      t.skip('port 7071 is taken');
      return;
    }
    try {
      const env = { IMAGE_CACHE_URL: '', IMAGE_CACHE_KEY: 'key', IMAGE_CACHE_TOKEN: 'token' };
      const { code, stderr } = await imageCache(['list'], env);
      assert.equal(code, EXIT.done.code, stderr);
      assert.match(
        stderr,
        /No service is named: .*7071 is asked, without IMAGE_CACHE_KEY and IMAGE_CACHE_TOKEN/,
      );
      assert.deepEqual((await imageCache(['completion', 'images', 'x'], env)).stderr, '');
      assert.deepEqual(heard, [[undefined, undefined], ...heard.slice(1).map(() => [undefined, undefined])]);
      assert.ok(heard.length >= 2);
    } finally {
      listener.close();
    }
  });
});
