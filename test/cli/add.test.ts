import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { pauseMs } from '../../src/cli/progress/followImages.ts';
import { imageCache as runCommand, READY, type RunAt, send, startStandIn, view } from './support/commands.ts';

let service: Awaited<ReturnType<typeof startStandIn>>;
before(async () => {
  service = await startStandIn();
});
after(() => service.close());
afterEach(() => {
  service.seen.length = 0;
});

const imageCache = (args: readonly string[], at: RunAt = {}): ReturnType<typeof runCommand> =>
  runCommand(['add', ...args], { env: { IMAGE_CACHE_URL: service.origin }, ...at });

describe('image-cache add', () => {
  it('watches images until they are ready, in plain lines, and prints how to run them', async () => {
    let polls = 0;
    service.answer = (request, response) => {
      if (request.method === 'POST') {
        send(response, 202, { images: [view('a:1', 'pending'), view('b:1', 'ready', READY)] });
      } else if (++polls === 1) {
        const progress = { phase: 'copying', stagedBytes: 512, totalBytes: 1024 };
        send(response, 200, view('a:1', 'pending', { progress }));
      } else send(response, 200, view('a:1', 'ready', { ...READY, runRef: 'a:sha256-2' }));
    };
    const { code, stdout, stderr } = await imageCache(['a:1', 'b:1', '--platform', 'linux/arm64']);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'a:sha256-2\nx:sha256-1\n');
    assert.equal(
      stderr,
      'b:1: ready (1.5 KiB)\na:1: starting\na:1: copying 512 B of 1.0 KiB (50 %)\na:1: ready (1.5 KiB)\n',
    );
    const [asked, polled] = service.seen;
    assert.deepEqual(JSON.parse(asked?.body ?? ''), { images: ['a:1', 'b:1'], platform: 'linux/arm64' });
    assert.equal(polled?.url, '/api/images?image=a%3A1&platform=linux%2Farm64');
  });

  it('--json gives the answers, and nothing else, on standard output', async () => {
    service.answer = (_, response) => send(response, 200, { images: [view('a:1', 'ready', READY)] });
    const { code, stdout } = await imageCache(['--json', 'a:1']);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), [view('a:1', 'ready', READY)]);
  });

  it('--no-wait asks and leaves', async () => {
    service.answer = (_, response) => send(response, 202, { images: [view('a:1', 'pending')] });
    const { code, stdout } = await imageCache(['--no-wait', 'a:1']);
    assert.deepEqual([code, stdout, service.seen.length], [0, '', 1]);
  });

  it('is 1 where one is refused, another fails on its way and a third is gone, and names each once', async () => {
    const error = { code: 'digest_mismatch', detail: 'Layer 1 is corrupt.', retryable: false };
    const refused = { code: 'image_not_found', detail: 'No such image.', retryable: false };
    service.answer = ({ method, url }, response) => {
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
    const { code, stderr } = await imageCache(['none:1', 'bad:1', 'gone:1']);
    assert.equal(code, 1);
    for (const line of [
      'none:1: No such image. (image_not_found; trying again will not help)',
      'bad:1: Layer 1 is corrupt. (digest_mismatch; trying again will not help)',
      'gone:1 is gone. Ask again.',
    ])
      assert.equal(stderr.split('\n').filter((said) => said === line).length, 1, stderr);
  });

  it('says why one failed as soon as it is known, above the bars, while others go on', async () => {
    const error = {
      ...{ code: 'registry_unavailable', detail: 'It is out.', retryable: true },
      retryAfterSeconds: 80,
    };
    let failureSaid = false;
    service.answer = ({ method, url }, response) => {
      if (method === 'POST')
        send(response, 202, { images: [view('slow:1', 'pending'), view('bad:1', 'pending')] });
      else if (url.includes('bad')) send(response, 200, view('bad:1', 'failed', { error }));
      else send(response, 200, view('slow:1', failureSaid ? 'ready' : 'pending', failureSaid ? READY : {}));
    };
    const reason = 'bad:1: It is out. (registry_unavailable; try again in 1 min 20 s)\n';
    const { code, stdout, stderr } = await imageCache(['slow:1', 'bad:1'], {
      terminal: { columns: 100 },
      watched: (said) => (failureSaid ||= said.includes(reason)),
    });
    assert.deepEqual([code, stdout], [3, 'x:sha256-1\n']);
    const below = stderr.slice(stderr.indexOf(reason) + reason.length);
    assert.match(below, /^░+ slow:1 {2}starting\n/, 'the bars are drawn again below it');
    assert.equal(stderr.split(reason).length, 2, 'it is said once');
  });

  it('asks for more than a hundred in several requests, and for the same one once', async () => {
    service.answer = ({ body }, response) => {
      const { images } = JSON.parse(body) as { images: string[] };
      send(response, 200, { images: images.map((image) => view(image, 'ready', { runRef: image })) });
    };
    const names = Array.from({ length: 250 }, (_, at) => `i:${at}`);
    const { code, stdout } = await imageCache([...names, 'i:0']);
    assert.equal(code, 0);
    assert.equal(stdout, `${names.join('\n')}\n`);
    assert.deepEqual(
      service.seen.map(({ body }) => (JSON.parse(body) as { images: string[] }).images.length),
      [100, 100, 50],
    );
  });

  it('asks for the state of many side by side, but not of all at once', async () => {
    const names = Array.from({ length: 9 }, (_, at) => `i:${at}`);
    let open = 0;
    let most = 0;
    service.answer = async ({ method, url }, response) => {
      if (method === 'POST') {
        send(response, 202, { images: names.map((name) => view(name, 'pending')) });
        return;
      }
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 10));
      open -= 1;
      send(response, 200, view(new URL(url, 'http://x').searchParams.get('image') ?? '', 'ready', READY));
    };
    assert.equal((await imageCache(names)).code, 0);
    assert.ok(most > 1 && most <= 6, `${most} at once`);
  });

  it('asks less often where images are many', () => {
    assert.deepEqual(
      [1, 5, 20, 1000].map((images) => pauseMs(images, 500)),
      [500, 500, 2000, 10_000],
    );
  });

  it('does not lose sight of an image when the service blinks, and says that once', async () => {
    let polls = 0;
    service.answer = ({ method }, response) => {
      if (method === 'POST') send(response, 202, { images: [view('a:1', 'pending')] });
      else if (++polls === 1) response.destroy();
      else if (polls === 2) response.writeHead(502, { 'content-type': 'text/html' }).end('<html>');
      else send(response, 200, view('a:1', 'ready', READY));
    };
    const { code, stderr } = await imageCache(['a:1']);
    assert.equal(code, 0);
    assert.equal(stderr.match(/Still trying\./g)?.length, 1, stderr);
  });

  it('ends at once where the key is taken away', async () => {
    service.answer = ({ method }, response) => {
      if (method === 'POST') send(response, 202, { images: [view('a:1', 'pending')] });
      else response.writeHead(401).end();
    };
    assert.equal((await imageCache(['a:1'])).code, 5);
  });

  it('interrupted, it is 130, shows the cursor again and says that the service goes on', async () => {
    const interrupt = new AbortController();
    service.answer = (_, response) => send(response, 202, { images: [view('a:1', 'pending')] });
    const { code, stderr } = await imageCache(['a:1'], {
      signal: interrupt.signal,
      terminal: { columns: 80 },
      watched: (said) => {
        if (said.includes('starting')) interrupt.abort();
      },
    });
    assert.equal(code, 130);
    assert.ok(stderr.startsWith('\x1b[?25l'));
    const end = '\x1b[1A\r\x1b[J\x1b[?25himage-cache: The service goes on with what is on its way; ';
    assert.ok(stderr.includes(end), stderr);
  });
});
