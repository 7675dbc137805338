import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type SeenRequest, serve, type TestServer } from '../registry/support/server.ts';
import { run, type RunResult } from '../support/process.ts';

const BIN = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));

/** Answers in the service's place. */
let answer: (request: SeenRequest, response: ServerResponse) => void = () => undefined;
let service: TestServer;
before(async () => {
  service = await serve((request, response) => answer(request, response));
});
after(() => service.close());
afterEach(() => {
  service.seen.length = 0;
});

/** Runs the program, in a thread: a process for each would take most of the time. */
async function imageCache(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunResult> {
  const worker = new Worker(BIN, {
    argv: [...args],
    env: { IMAGE_CACHE_URL: service.origin, ...env },
    stdout: true,
    stderr: true,
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(worker.stdout),
    text(worker.stderr),
    once(worker, 'exit') as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
}

const view = (image: string, state: string, more: object = {}): object => ({
  state,
  requested: image,
  image: `docker.io/library/${image}`,
  platform: 'linux/amd64',
  ...more,
});

const READY = { runRef: 'x:sha256-1', size: 1536, lastUsed: '2026-01-01T00:00:00Z' };
const GONE = { code: 'image_not_cached', detail: 'It is not cached.', retryable: false };

describe('image-cache add', () => {
  it('watches images until they are ready, in plain lines, and prints how to run them', async () => {
    let polls = 0;
    answer = (request, response) => {
      if (request.method === 'POST') {
        send(response, 202, { images: [view('a:1', 'pending'), view('b:1', 'ready', READY)] });
      } else if (++polls === 1) {
        const progress = { phase: 'copying', stagedBytes: 512, totalBytes: 1024 };
        send(response, 200, view('a:1', 'pending', { progress }));
      } else send(response, 200, view('a:1', 'ready', { ...READY, runRef: 'a:sha256-2' }));
    };
    const { code, stdout, stderr } = await imageCache(['add', 'a:1', 'b:1', '--platform', 'linux/arm64']);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'a:sha256-2\nx:sha256-1\n');
    assert.equal(stderr, 'a:1: starting\nb:1: ready\na:1: copying 512 B of 1.0 KiB (50 %)\na:1: ready\n');
    const [asked, polled] = service.seen;
    assert.deepEqual(JSON.parse(asked?.body ?? ''), { images: ['a:1', 'b:1'], platform: 'linux/arm64' });
    assert.equal(polled?.url, '/api/images?image=a%3A1&platform=linux%2Farm64');
  });

  it('--json gives the answers, and nothing else, on standard output', async () => {
    answer = (_, response) => send(response, 200, { images: [view('a:1', 'ready', READY)] });
    const { code, stdout } = await imageCache(['add', '--json', 'a:1']);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), [view('a:1', 'ready', READY)]);
  });

  it('is a process that ends with its exit code', async () => {
    answer = (_, response) => send(response, 200, { images: [view('a:1', 'ready', READY)] });
    const env = { IMAGE_CACHE_URL: service.origin };
    const done = await run([process.execPath, BIN, 'add', 'a:1'], { env });
    assert.deepEqual(done, { code: 0, stdout: 'x:sha256-1\n', stderr: 'a:1: ready\n' });
    assert.equal((await run([process.execPath, BIN, 'frob'], { env })).code, 2);
  });

  it('--no-wait asks and leaves', async () => {
    answer = (_, response) => send(response, 202, { images: [view('a:1', 'pending')] });
    const { code, stdout } = await imageCache(['add', '--no-wait', 'a:1']);
    assert.deepEqual([code, stdout, service.seen.length], [0, '', 1]);
  });

  it('is 1 where one is refused, another fails on its way and a third is gone, and names each', async () => {
    const error = { code: 'digest_mismatch', detail: 'Layer 1 is corrupt.', retryable: false };
    const refused = { code: 'image_not_found', detail: 'No such image.', retryable: false };
    answer = ({ method, url }, response) => {
      if (method === 'POST') {
        const images = [
          { state: 'failed', requested: 'none:1', error: refused },
          view('bad:1', 'pending'),
          view('gone:1', 'pending'),
        ];
        send(response, 404, { ...refused, images });
      } else if (url.includes('gone')) send(response, 200, view('gone:1', 'absent'));
      else send(response, 200, view('bad:1', 'failed', { error }));
    };
    const { code, stderr } = await imageCache(['add', 'none:1', 'bad:1', 'gone:1']);
    assert.equal(code, 1);
    for (const line of ['No such image.', 'Layer 1 is corrupt.', 'gone:1 is gone. Ask again.'])
      assert.match(stderr, new RegExp(`^image-cache: ${line}$`, 'm'));
  });

  it('does not lose sight of an image when the service blinks', async () => {
    let polls = 0;
    answer = ({ method }, response) => {
      if (method === 'POST') send(response, 202, { images: [view('a:1', 'pending')] });
      else if (++polls === 1) response.destroy();
      else if (polls === 2) response.writeHead(502, { 'content-type': 'text/html' }).end('<html>');
      else send(response, 200, view('a:1', 'ready', READY));
    };
    assert.equal((await imageCache(['add', 'a:1'])).code, 0);
  });
});

describe('image-cache lookup, list and remove', () => {
  it('lookup shows all there is, a member a line', async () => {
    answer = (_, response) =>
      send(response, 200, view('a:1', 'ready', { ...READY, url: 'https://x/?sig=1' }));
    const { code, stdout } = await imageCache(['lookup', 'a:1']);
    assert.equal(code, 0);
    assert.match(stdout, /^state +ready\n/);
    assert.match(stdout, /^runRef +x:sha256-1$/m);
    assert.match(stdout, /^size +1536$/m);
    assert.equal(service.seen[0]?.url, '/api/lookup?image=a%3A1');
  });

  it('lookup is 1 where it is not cached, and says so', async () => {
    answer = (_, response) => send(response, 404, GONE);
    const { code, stdout, stderr } = await imageCache(['lookup', 'a:1', '--json']);
    assert.deepEqual([code, stdout, stderr], [1, '', 'image-cache: It is not cached.\n']);
  });

  it('list goes through all pages', async () => {
    answer = ({ url }, response) =>
      send(
        response,
        200,
        url.includes('continuation=2')
          ? { images: [view('b:1', 'ready', READY)] }
          : { images: [view('a:1', 'ready', READY)], continuation: '2' },
      );
    const { code, stdout } = await imageCache(['list', 'library/']);
    assert.equal(code, 0);
    assert.equal(
      stdout,
      'IMAGE                  PLATFORM     SIZE     LAST USED\n' +
        'docker.io/library/a:1  linux/amd64  1.5 KiB  2026-01-01T00:00:00Z\n' +
        'docker.io/library/b:1  linux/amd64  1.5 KiB  2026-01-01T00:00:00Z\n',
    );
    assert.deepEqual(
      service.seen.map(({ url }) => url),
      ['/api/images?prefix=library%2F', '/api/images?prefix=library%2F&continuation=2'],
    );
    const json = await imageCache(['list', '--json']);
    assert.equal((JSON.parse(json.stdout) as unknown[]).length, 2);
  });

  it('remove goes on after one that is not there, and is 1 then', async () => {
    answer = ({ url }, response) =>
      url.includes('a%3A1') ? send(response, 404, GONE) : send(response, 200, view('b:1', 'absent'));
    const { code, stdout, stderr } = await imageCache(['remove', 'a:1', 'b:1']);
    assert.deepEqual([code, stdout, stderr], [1, 'removed b:1\n', 'image-cache: It is not cached.\n']);
    assert.ok(service.seen.every(({ method }) => method === 'DELETE'));
  });
});

describe('image-cache', () => {
  for (const [what, args, message] of [
    ['no command', [], /No command is given\./],
    ['an unknown command', ['frob'], /"frob" is not a command\./],
    ['an unknown option', ['list', '--frob'], /Unknown option '--frob'/],
    ['no image to add', ['add'], /No image is named\./],
    ['two images to look up', ['lookup', 'a', 'b'], /Name exactly one\./],
  ] as const) {
    it(`is 2 with ${what}, and shows how it is used`, async () => {
      const { code, stdout, stderr } = await imageCache(args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
      assert.match(stderr, /image-cache add IMAGE…/);
      assert.equal(service.seen.length, 0);
    });
  }

  it('helps, and says its version', async () => {
    const [help, version] = await Promise.all([imageCache(['--help']), imageCache(['--version'])]);
    assert.deepEqual([help.code, version.code], [0, 0]);
    assert.match(help.stdout, /--service URL/);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('is 1 where no service answers, in one line without a stack', async () => {
    const gone = await serve(() => undefined);
    await gone.close();
    const { code, stderr } = await imageCache(['list', '--service', gone.origin]);
    assert.equal(code, 1);
    assert.match(stderr, /^image-cache: No service answers at http:\S+ \(.*ECONNREFUSED.*\)\.\n$/);
    const bad = await imageCache(['list', '--service', 'myservice']);
    assert.deepEqual(
      [bad.code, bad.stderr],
      [1, 'image-cache: "myservice" is not the URL of a service. Write https://HOST.\n'],
    );
  });

  it('sends a key and a token as headers, and asks for them where they are missing', async () => {
    answer = (request, response) => {
      const { authorization, 'x-functions-key': key } = request.headers;
      if (key === 'k3y' && authorization === 'Bearer t0ken') send(response, 200, { images: [] });
      else response.writeHead(401).end();
    };
    const refused = await imageCache(['list']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /wants a key: set IMAGE_CACHE_KEY or IMAGE_CACHE_TOKEN/);
    const env = { IMAGE_CACHE_KEY: 'k3y', IMAGE_CACHE_TOKEN: 't0ken' };
    const taken = await imageCache(['list'], env);
    assert.equal(taken.code, 0);
    assert.ok(service.seen.every(({ url }) => !url.includes('k3y') && !url.includes('t0ken')));
  });
});
