import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startForwarder } from '../cli/support/forwarder.ts';
import { type SlowRegistry, startSlowRegistry } from '../cli/support/slowRegistry.ts';
import { eventually } from '../support/eventually.ts';
import { must } from '../support/process.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = path.join(ROOT, 'dist/image-cache.mjs');
const MiB = 1024 * 1024;
/** What a line says of an image that copies, once its rate is known. */
const COPYING = /copying [\d.]+ MiB of [\d.]+ MiB \(\d+ %\), [\d.]+ MiB\/s, .+ left/;

/** A line about an image, which is named with the digest that its tag stood for. */
const of = (image: string, what: string): RegExp =>
  new RegExp(`^${image}@sha256:\\w+ linux/amd64: ${what}`, 'm');

interface Watching {
  readonly child: ChildProcess;
  readonly said: () => string;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

describe('image-cache watch, from the bundle, of a running service', () => {
  let registry: SlowRegistry;
  let service: TestService;
  before(async () => {
    await must([process.execPath, path.join(ROOT, 'build.mjs')], { cwd: ROOT });
    registry = await startSlowRegistry();
    service = await startTestService({ INSECURE_REGISTRIES: registry.host });
  });
  after(async () => {
    registry.release();
    await service.close();
    await registry.close();
  });

  /** Asks for an image whose last layer does not come before `release`. */
  async function ask(name: string): Promise<string> {
    const layers = Array.from({ length: 10 }, () => randomBytes(9 * MiB));
    const pushed = registry.push(`team/${name}:1`, { layers });
    registry.hold(pushed.layers.at(-1)?.digest ?? assert.fail());
    const image = `${registry.host}/team/${name}:1`;
    assert.equal((await service.ask(image)).status, 202);
    return image;
  }

  function watch(argv: readonly string[], url = service.url): Watching {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, {
      env: { ...process.env, IMAGE_CACHE_URL: url, TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const ended = once(child, 'close').then(([code]) => code as number | null);
    return { child, said: () => text, ended };
  }
  const plain = (...args: string[]): string[] => [process.execPath, PROGRAM, 'watch', ...args];

  it('shows rate and time left, and what fails at once with its reason: 1', async () => {
    const image = await ask('large');
    const { said, ended } = watch(plain('--until-idle'));
    await eventually('it shows a rate', () => COPYING.test(said()));
    // Found, and then its layer is not there.
    const lost = registry.push('team/lost:1', { layers: [randomBytes(100)] });
    registry.blobs.delete(lost.layers[0]?.digest ?? '');
    assert.equal((await service.ask(`${registry.host}/team/lost:1`)).status, 202);
    await eventually('it says why one failed', () =>
      /team\/lost:1 linux\/amd64: .+ \(image_not_found; trying again will not help\)/.test(said()),
    );
    // The other one is on its way still: its last layer is held.
    assert.doesNotMatch(said(), /ready/);
    registry.release();
    assert.equal(await ended, 1, said());
    assert.match(said(), of(image, 'ready \\('));
    assert.match(said(), /Nothing is on its way\.\n$/);
  });

  it('bears a service that goes away and comes back: 0', async (t) => {
    const front = await startForwarder(service.url);
    t.after(() => front.goAway());
    const image = await ask('patient');
    const { said, ended } = watch(plain('--until-idle', image), front.url);
    await eventually('it shows progress', () => of(image, 'copying').test(said()));
    await front.goAway();
    await eventually('it says that the service is away', () => said().includes('Still trying.'));
    await front.comeBack();
    registry.release();
    assert.equal(await ended, 0, said());
    assert.match(said(), of(image, 'ready \\('));
    assert.equal(said().match(/Still trying\./g)?.length, 1, said());
  });

  it(
    'is ended by Ctrl-C at a terminal: 130, the cursor is shown, the service goes on',
    {
      skip: requireTools('script'),
    },
    async () => {
      const image = await ask('interrupted');
      const command = plain()
        .map((word) => `'${word}'`)
        .join(' ');
      // The terminal that it makes has no size.
      const { child, said, ended } = watch([
        'script',
        '--quiet',
        '--return',
        '--command',
        command,
        '/dev/null',
      ]);
      await eventually('it draws a bar', () => /█+░+ .*copying/.test(said()));
      child.stdin?.write('\x03');
      assert.equal(await ended, 130, said());
      assert.ok(
        said().includes('\x1b[?25l') && said().trimEnd().endsWith('\x1b[?25h'),
        JSON.stringify(said()),
      );
      registry.release();
      assert.equal((await service.watch(image)).at(-1)?.state, 'ready');
    },
  );
});
