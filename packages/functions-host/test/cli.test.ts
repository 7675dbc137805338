import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LIMIT, until } from './support/waiting.ts';

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const SMALL = fileURLToPath(new URL('./apps/smallApp.ts', import.meta.url));
const BROKEN = fileURLToPath(new URL('./support/waiting.ts', import.meta.url));

/** Runs the command; it is killed when the test has ended, should it still run. */
function run(t: TestContext, ...args: string[]) {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const closed = once(child, 'close') as Promise<[code: number | null, signal: string | null]>;
  return {
    ready: () => until('the host to be ready', () => /^ready (\S+)$/m.exec(output.stdout)?.[1]),
    tell: (signal: NodeJS.Signals) => child.kill(signal),
    ended: async () => {
      const [code, signal] = await closed;
      return { code, signal, ...output };
    },
  };
}

describe('functions-host', () => {
  it('explains itself', LIMIT, async (t) => {
    const { code, stdout, stderr } = await run(t, '--help').ended();
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /^Usage: functions-host --entry FILE/);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`says where it is ready, answers there, and ends well on ${signal}`, LIMIT, async (t) => {
      const command = run(t, '--entry', SMALL, '--port', '0');
      const url = await command.ready();
      const answer = await fetch(`${url}/api/sums/any`, { method: 'POST', body: '[1,2,3]' });
      assert.equal(await answer.text(), '14');
      command.tell(signal);
      const { code, signal: endedBy } = await command.ended();
      assert.deepEqual({ code, endedBy }, { code: 0, endedBy: null });
    });
  }

  for (const [what, args, message] of [
    ['no entry', [], /--entry is missing/],
    ['an entry that is not there', ['--entry', 'no-such.ts'], /there is no file .*no-such\.ts/],
    ['a port that is none', ['--entry', SMALL, '--port', '70000'], /--port is "70000"/],
    ['an unknown option', ['--entry', SMALL, '--prot', '1'], /--prot/],
    ['an argument too many', ['--entry', SMALL, 'more'], /'more'/],
  ] as const) {
    it(`refuses ${what} as wrong usage`, LIMIT, async (t) => {
      const { code, stdout, stderr } = await run(t, ...args).ended();
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
      assert.match(stderr, message);
      assert.match(stderr, /functions-host --help/);
    });
  }

  it('ends badly when the entry registers nothing', LIMIT, async (t) => {
    const { code, stderr } = await run(t, '--entry', BROKEN, '--port', '0').ended();
    assert.equal(code, 1);
    assert.match(stderr, /waiting\.ts could not be loaded: .* registered no function/);
  });

  it('ends badly when its port is in use', LIMIT, async (t) => {
    const other = http.createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await run(t, '--entry', SMALL, '--port', String(port)).ended();
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`Port ${port} of 127.0.0.1 is in use`));
  });
});
