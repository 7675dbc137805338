import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../../src/cli/commands.ts';
import { EXIT, exitCodeOfAll } from '../../src/cli/exitCodes.ts';
import { usage } from '../../src/cli/usage.ts';
import { serve } from '../registry/support/server.ts';
import { run } from '../support/process.ts';
import { imageCache as runCommand, READY, type RunAt, send, startStandIn, view } from './support/commands.ts';

const BIN = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));
const PAGE = fileURLToPath(new URL('../../docs/command-line.md', import.meta.url));

let service: Awaited<ReturnType<typeof startStandIn>>;
before(async () => {
  service = await startStandIn();
});
after(() => service.close());
afterEach(() => {
  service.seen.length = 0;
});

const imageCache = (args: readonly string[], { env, ...at }: RunAt = {}): ReturnType<typeof runCommand> =>
  runCommand(args, { env: { IMAGE_CACHE_URL: service.origin, ...env }, ...at });

const GONE = { code: 'image_not_cached', detail: 'It is not cached.', retryable: false };

describe('image-cache lookup, list and remove', () => {
  it('lookup shows all there is, a member a line', async () => {
    service.answer = (_, response) =>
      send(response, 200, view('a:1', 'ready', { ...READY, url: 'https://x/?sig=1' }));
    const { code, stdout } = await imageCache(['lookup', 'a:1']);
    assert.equal(code, 0);
    assert.match(stdout, /^state +ready\n/);
    assert.match(stdout, /^runRef +x:sha256-1$/m);
    assert.match(stdout, /^size +1536$/m);
    assert.equal(service.seen[0]?.url, '/api/lookup?image=a%3A1');
  });

  it('lookup is 4 where it is not cached, and says so', async () => {
    service.answer = (_, response) => send(response, 404, GONE);
    const { code, stdout, stderr } = await imageCache(['lookup', 'a:1', '--json']);
    assert.deepEqual([code, stdout, stderr], [4, '', 'image-cache: It is not cached.\n']);
  });

  it('lookup is 3 where it is on its way, with all that is known of it', async () => {
    service.answer = (_, response) => send(response, 202, view('a:1', 'pending'));
    const { code, stdout, stderr } = await imageCache(['lookup', 'a:1', '--json']);
    assert.equal(code, 3);
    assert.deepEqual(JSON.parse(stdout), view('a:1', 'pending'));
    assert.match(stderr, /on its way/);
  });

  it('list goes through all pages', async () => {
    service.answer = ({ url }, response) =>
      send(
        response,
        200,
        url.includes('continuation=2')
          ? { images: [view('b:1', 'ready', READY)] }
          : { images: [view('a:1', 'ready', READY)], continuation: '2' },
      );
    const { code, stdout } = await imageCache(['list', 'library/']);
    assert.equal(code, 0);
    assert.match(
      stdout,
      new RegExp(
        '^IMAGE                  PLATFORM     SIZE     CREATED  LAST USED +PRUNED\n' +
          'docker.io/library/a:1  linux/amd64  1.5 KiB           \\d+ d( \\d+ h)? ago\n' +
          'docker.io/library/b:1  linux/amd64  1.5 KiB           \\d+ d( \\d+ h)? ago\n$',
      ),
    );
    assert.deepEqual(
      service.seen.map(({ url }) => url),
      ['/api/images?prefix=library%2F', '/api/images?prefix=library%2F&continuation=2'],
    );
    const json = await imageCache(['list', '--json']);
    assert.equal((JSON.parse(json.stdout) as unknown[]).length, 2);
  });

  it('remove goes on after one that is not there, and is 4 then', async () => {
    service.answer = ({ url }, response) =>
      url.includes('a%3A1') ? send(response, 404, GONE) : send(response, 200, view('b:1', 'absent'));
    const { code, stdout, stderr } = await imageCache(['remove', 'a:1', 'b:1']);
    assert.deepEqual([code, stdout, stderr], [4, 'removed b:1\n', 'image-cache: It is not cached.\n']);
    assert.ok(service.seen.every(({ method }) => method === 'DELETE'));
  });
});

describe('image-cache', () => {
  for (const [what, args, message] of [
    ['no command', [], /No command is given\. See image-cache --help\.$/m],
    ['an unknown command', ['frob'], /"frob" is not a command\./],
    ['an unknown option', ['list', '--frob'], /Unknown option '--frob'/],
    ['an option of another command', ['list', '--no-wait'], /list takes no --no-wait\./],
    ['no image to add', ['add'], /add IMAGE…: nothing is named\./],
    ['two images to look up', ['lookup', 'a', 'b'], /lookup IMAGE: too much is named\./],
    ['a shell that is none', ['completion', 'csh'], /"csh" is not a shell that is known: bash, zsh, fish\./],
    ['a service that is no URL', ['list', '--service', 'mine'], /"mine" is not the URL of a service\. Write/],
  ] as const) {
    it(`is 2 with ${what}, and says in a line what to change`, async () => {
      const { code, stdout, stderr } = await imageCache(args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
      assert.equal(stderr.trimEnd().split('\n').length, 1);
      assert.equal(service.seen.length, 0);
    });
  }

  it('helps, and says its version', async () => {
    const [help, version] = await Promise.all([imageCache(['list', '--help']), imageCache(['--version'])]);
    assert.deepEqual([help.code, version.code], [0, 0]);
    assert.equal(help.stdout, usage(COMMANDS));
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('has its usage in docs/command-line.md, word for word, in lines of a page', async () => {
    const page = await readFile(PAGE, 'utf8');
    assert.ok(page.includes(`\`\`\`text\n${usage(COMMANDS)}\`\`\`\n`), `Write into it:\n${usage(COMMANDS)}`);
    for (const line of usage(COMMANDS).split('\n')) assert.ok(line.length <= 120, line);
  });

  it('is a process that ends with its exit code', async () => {
    service.answer = (_, response) => send(response, 200, { images: [view('a:1', 'ready', READY)] });
    const env = { IMAGE_CACHE_URL: service.origin };
    const done = await run([process.execPath, BIN, 'add', 'a:1'], { env });
    assert.deepEqual(done, { code: 0, stdout: 'x:sha256-1\n', stderr: 'a:1: ready (1.5 KiB)\n' });
    assert.equal((await run([process.execPath, BIN, 'frob'], { env })).code, 2);
  });
});

describe('exit codes', () => {
  const problem = (code: string, retryable = false): object => ({ code, detail: 'No.', retryable });
  for (const [what, status, body, code] of [
    ['a registry that throttles', 503, problem('registry_throttled', true), EXIT.notNow.code],
    ['storage that is out', 503, problem('storage_unavailable', true), EXIT.notNow.code],
    ['a registry that wants credentials', 403, problem('registry_denied'), EXIT.refused.code],
    ['a registry that is not allowed', 403, problem('registry_not_allowed'), EXIT.refused.code],
    ['an image that is not cached', 404, problem('image_not_cached'), EXIT.notCached.code],
    ['an image that no registry has', 404, problem('image_not_found'), EXIT.failed.code],
    ['a digest that is wrong', 502, problem('digest_mismatch'), EXIT.failed.code],
    ['a name that is none', 400, problem('invalid_reference'), EXIT.failed.code],
    ['a defect', 500, problem('internal_error'), EXIT.failed.code],
  ] as const) {
    it(`is ${code} with ${what}`, async () => {
      service.answer = (_, response) => send(response, status, body);
      assert.deepEqual(await imageCache(['lookup', 'a:1']), {
        code,
        stdout: '',
        stderr: 'image-cache: No.\n',
      });
    });
  }

  for (const [what, status, headers, code, message] of [
    [
      'a key that is missing',
      401,
      {},
      EXIT.refused.code,
      /wants a key: set IMAGE_CACHE_KEY or IMAGE_CACHE_TOKEN/,
    ],
    ['a network that is not let in', 403, {}, EXIT.refused.code, /refuses you \(403\)/],
    [
      'a gateway before a service that starts',
      502,
      {},
      EXIT.notNow.code,
      /is not ready: it answered 502\. Try again/,
    ],
    ['another server', 404, {}, EXIT.failed.code, /is not an image cache: it answered 404/],
  ] as const) {
    it(`is ${code} with ${what}, of which no JSON tells`, async () => {
      service.answer = (_, response) =>
        response.writeHead(status, { ...headers, 'content-type': 'text/html' }).end();
      const { code: given, stderr } = await imageCache(['list']);
      assert.equal(given, code);
      assert.match(stderr, message);
    });
  }

  it('is 3 where no service answers, in one line without a stack', async () => {
    const gone = await serve(() => undefined);
    await gone.close();
    const { code, stderr } = await imageCache(['list', '--service', gone.origin]);
    assert.equal(code, 3);
    assert.match(stderr, /^image-cache: No service answers at http:\S+ \(.*ECONNREFUSED.*\)\.\n$/);
  });

  it('is 130 where it is interrupted before an answer', async () => {
    const interrupt = new AbortController();
    service.answer = () => interrupt.abort();
    assert.deepEqual(await imageCache(['list'], { signal: interrupt.signal }), {
      code: 130,
      stdout: '',
      stderr: '',
    });
  });

  it('of several is their common one, else 1', () => {
    assert.equal(exitCodeOfAll([0, 0]), 0);
    assert.equal(exitCodeOfAll([0, 3, 3]), 3);
    assert.equal(exitCodeOfAll([3, 5]), 1);
  });
});

describe('credentials', () => {
  it('go as headers, and never into a URL', async () => {
    service.answer = (request, response) => {
      const { authorization, 'x-functions-key': key } = request.headers;
      if (key === 'k3y' && authorization === 'Bearer t0ken') send(response, 200, { images: [] });
      else response.writeHead(401).end();
    };
    const taken = await imageCache(['list'], { env: { IMAGE_CACHE_KEY: 'k3y', IMAGE_CACHE_TOKEN: 't0ken' } });
    assert.equal(taken.code, 0);
    assert.ok(service.seen.every(({ url }) => !url.includes('k3y') && !url.includes('t0ken')));
  });

  it('do not follow a redirect', async (t) => {
    const other = await serve((_, response) => send(response, 200, { images: [] }));
    t.after(() => other.close());
    service.answer = (_, response) =>
      response.writeHead(302, { location: `${other.origin}/api/images` }).end();
    const { code, stderr } = await imageCache(['list'], { env: { IMAGE_CACHE_KEY: 'k3y' } });
    assert.equal(code, 1);
    assert.ok(stderr.includes(`redirects to ${other.origin}, and nothing was sent there`), stderr);
    assert.equal(other.seen.length, 0);
  });
});

describe('hostile texts', () => {
  const EVIL = 'a\x1b[2J\x9b31m\r\n\u202eb\u200d';

  it('reach the terminal as question marks, whichever command shows them', async () => {
    const error = { code: 'internal_error', detail: EVIL, retryable: false };
    const image = { ...view('x', 'ready', { ...READY, image: EVIL, runRef: EVIL, notes: [EVIL] }) };
    const failed = { state: 'failed', requested: EVIL, error };
    service.answer = ({ method }, response) => {
      if (method === 'DELETE') send(response, 500, error);
      else send(response, 200, { ...image, images: method === 'POST' ? [image, failed] : [image] });
    };
    for (const args of [['add', 'x'], ['lookup', 'x'], ['list'], ['remove', 'x']]) {
      for (const terminal of [undefined, { columns: 80 }]) {
        const { stdout, stderr } = await imageCache(args, { ...(terminal && { terminal }) });
        const said = stdout + stderr;
        assert.ok(said.includes('a?[2J?31m???b?'), said);
        assert.doesNotMatch(said, /[^\P{C}\n]/u, args.join(' '));
      }
      const { stdout } = await imageCache([...args.slice(0, 1), '--json', ...args.slice(1)]);
      assert.doesNotMatch(stdout, /[^\P{C}\n]/u);
      if (args[0] === 'lookup') assert.equal((JSON.parse(stdout) as { image: string }).image, EVIL);
    }
  });
});
