import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { imageCache as runCommand, type RunAt, send, startStandIn, view } from './support/commands.ts';

let service: Awaited<ReturnType<typeof startStandIn>>;
before(async () => {
  service = await startStandIn();
});
after(() => service.close());
afterEach(() => {
  service.seen.length = 0;
});

const imageCache = (args: readonly string[], at: RunAt = {}): ReturnType<typeof runCommand> =>
  runCommand(['watch', ...args], { env: { IMAGE_CACHE_URL: service.origin }, ...at });

const TIMES = { startedAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:01Z' };
const run = (image: string, state: string, more: object = {}): object =>
  view(image, state, { requested: `docker.io/library/${image}`, ...TIMES, ...more });
const copying = (stagedBytes: number): object => ({
  progress: { phase: 'copying', stagedBytes, totalBytes: 100 },
});
const ERROR = { code: 'image_not_found', detail: 'No such image.', retryable: false };

/** Answers `GET /api/runs` with one list after another, the last one for ever; and states of images. */
function runs(lists: readonly (readonly object[])[], states: Readonly<Record<string, object>> = {}): void {
  let look = 0;
  service.answer = ({ url }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://x');
    if (pathname === '/api/runs') send(response, 200, { images: lists[Math.min(look++, lists.length - 1)] });
    else send(response, 200, states[searchParams.get('image') ?? ''] ?? {});
  };
}

describe('image-cache watch', () => {
  it('--until-idle shows what is on its way until nothing is, and is 0 where all became ready', async () => {
    runs([[run('a:1', 'pending', copying(20))], [run('a:1', 'pending', copying(60))], []], {
      'docker.io/library/a:1': run('a:1', 'ready', { size: 1024 }),
    });
    const { code, stdout, stderr } = await imageCache(['--until-idle']);
    assert.deepEqual([code, stdout], [0, '']);
    const name = 'docker.io/library/a:1 linux/amd64';
    assert.match(
      stderr.replace(/, \d.*/, ''),
      new RegExp(
        `^${name}: copying 20 B of 100 B \\(20 %\\)\n${name}: copying 60 B of 100 B \\(60 %\\)\n` +
          `${name}: ready \\(1.0 KiB\\)\nNothing is on its way\\.\n$`,
      ),
    );
    assert.equal(service.seen[0]?.url, '/api/runs?limit=200');
  });

  it('--json is a line for each change, and nothing else', async () => {
    const pending = run('a:1', 'pending', copying(20));
    const failed = run('b:1', 'failed', { error: ERROR });
    const ready = run('a:1', 'ready');
    runs([[pending, run('b:1', 'pending')], [pending, failed], [failed]], { 'docker.io/library/a:1': ready });
    const { code, stdout, stderr } = await imageCache(['--until-idle', '--json']);
    assert.deepEqual([code, stderr], [1, '']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    assert.deepEqual(lines, [pending, run('b:1', 'pending'), failed, ready]);
  });

  it('says why one failed, once; what failed before it began is no news', async () => {
    const old = run('old:1', 'failed', { error: ERROR, updatedAt: '2025-01-01T00:00:00Z' });
    const failed = run('b:1', 'failed', {
      error: { ...ERROR, code: 'registry_unavailable', retryable: true },
    });
    runs([
      [run('b:1', 'pending'), old],
      [failed, old],
      [failed, old],
    ]);
    const { code, stderr } = await imageCache(['--until-idle']);
    assert.equal(code, 3);
    assert.equal(stderr.match(/No such image\. \(registry_unavailable; try again\)/g)?.length, 1, stderr);
    assert.ok(!stderr.includes('old:1'));
  });

  it('watches what is named, as people write it', async () => {
    const others = [run('b:1', 'pending'), run('ghcr', 'pending', { image: 'ghcr.io/x/y:1' })];
    runs([[run('a:1', 'pending'), ...others], others], { 'docker.io/library/a:1': run('a:1', 'ready') });
    const { code, stderr } = await imageCache(['--until-idle', 'a', 'ghcr.io/z']);
    assert.equal(code, 0);
    assert.match(stderr, /a:1 linux\/amd64: ready/);
    assert.ok(!stderr.includes('b:1') && !stderr.includes('ghcr'), stderr);
  });

  it('keeps sight of what is not listed for the moment, but is on its way', async () => {
    const ready = run('a:1', 'ready');
    const states: Record<string, object> = { 'docker.io/library/a:1': run('a:1', 'pending') };
    runs([[run('a:1', 'pending')], []], states);
    const { code, stderr } = await imageCache(['--until-idle'], {
      watched: () => setTimeout(() => (states['docker.io/library/a:1'] = ready), 100).unref(),
    });
    assert.equal(code, 0);
    assert.equal(stderr.match(/ready/g)?.length, 1);
  });

  it('goes on until it is interrupted: 130, and the cursor is shown again', async () => {
    const interrupt = new AbortController();
    runs([[run('a:1', 'pending')]]);
    const { code, stdout, stderr } = await imageCache([], {
      terminal: { columns: 80 },
      signal: interrupt.signal,
      watched: (said) => {
        if (said.includes('starting')) interrupt.abort();
      },
    });
    assert.deepEqual([code, stdout], [130, '']);
    assert.ok(stderr.startsWith('\x1b[?25l') && stderr.endsWith('\x1b[?25h'), JSON.stringify(stderr));
  });

  it('bears a service that blinks, and ends where it is refused', async () => {
    let look = 0;
    service.answer = (_, response) => {
      look += 1;
      if (look === 1) response.destroy();
      else response.writeHead(401).end();
    };
    const { code, stderr } = await imageCache([]);
    assert.equal(code, 5);
    assert.match(stderr, /Still trying\.\n.*wants a key/);
  });
});
