import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { run } from '../support/process.ts';
import { requireTools } from '../support/tools.ts';
import { SCRIPT } from './support/node.ts';

describe('the script', () => {
  it('has nothing for shellcheck to say', { skip: requireTools('shellcheck') }, async () => {
    const { code, stdout } = await run(['shellcheck', SCRIPT]);
    assert.equal(code, 0, stdout);
  });

  for (const shell of [['dash'], ['bash', '--posix'], ['busybox', 'sh']]) {
    it(`says how it is used (${shell.join(' ')})`, { skip: requireTools(shell[0] ?? '') }, async () => {
      for (const args of [[], ['prepare'], ['run'], ['prepare', '--platform'], ['clean', 'x'], ['other']]) {
        const { code, stdout, stderr } = await run([...shell, SCRIPT, ...args]);
        assert.equal(code, 2, args.join(' '));
        assert.equal(stdout, '');
        assert.match(stderr, /^usage: tes-node prepare/);
      }
    });

    it(
      `names a setting that is wrong (${shell.join(' ')})`,
      { skip: requireTools(shell[0] ?? '') },
      async () => {
        const wrong: Record<string, string>[] = [
          { TES_CACHE_URL: '' },
          { TES_CACHE_URL: 'ftp://host' },
          { TES_CACHE_WAIT: 'long' },
          { TES_CACHE_CONNECTIONS: '0' },
          { TES_CACHE_ON_MISS: 'guess' },
          { TES_CACHE_KEY_FILE: '/nowhere' },
        ];
        for (const setting of wrong) {
          const env = { TES_CACHE_URL: 'http://127.0.0.1:9', ...setting };
          const { code, stderr } = await run([...shell, SCRIPT, 'prepare', 'ubuntu'], { env });
          assert.equal(code, 2, stderr);
          assert.match(stderr, /tes-node: error: /);
        }
      },
    );
  }

  it('does nothing when it arrived in part', async () => {
    const { stdout } = await run(['cat', SCRIPT]);
    for (const part of [0.3, 0.6, 0.9]) {
      const input = stdout.slice(0, Math.floor(stdout.length * part));
      const result = await run(['sh', '-s', 'prepare', 'ubuntu'], { input });
      assert.doesNotMatch(result.stderr, /tes-node: /);
    }
  });
});
