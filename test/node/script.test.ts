import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assembleScript } from '../../node/assemble.ts';
import { fetchChecked } from '../support/contract.ts';
import { run } from '../support/process.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';
import { SCRIPT, SUITE_LIMIT } from './support/node.ts';
import { SHELLS } from './support/part.ts';

const LAUNCHER = fileURLToPath(new URL('../../node/tes-node', import.meta.url));

describe('the script in one file', { timeout: SUITE_LIMIT }, () => {
  it('has nothing for shellcheck to say', { skip: requireTools('shellcheck') }, async () => {
    for (const file of [SCRIPT, LAUNCHER]) {
      const { code, stdout } = await run(['shellcheck', file]);
      assert.equal(code, 0, stdout);
    }
  });

  it('begins as a script and holds every part', async () => {
    const text = await readFile(SCRIPT, 'utf8');
    assert.match(text, /^#!\/bin\/sh\n[^]*\nmain "\$@"\n$/);
    assert.doesNotMatch(text, /\$Part/);
    assert.match(text, /^stream\(\) \{$[^]*^usage\(\) \{$/m);
  });

  for (const { name, argv, skip } of SHELLS) {
    it(`is well-formed, and says the same as its parts do where they lie (${name})`, { skip }, async () => {
      const syntax = await run([...argv, '-n', SCRIPT]);
      assert.deepEqual(syntax, { code: 0, stdout: '', stderr: '' });
      const usage = await run([...argv, SCRIPT]);
      assert.equal(usage.code, 2);
      assert.match(usage.stderr, /^usage: tes-node prepare/);
      assert.deepEqual(await run([...argv, LAUNCHER]), usage);
      assert.deepEqual(
        await run([...argv, 'tes-node'], { cwd: fileURLToPath(new URL('.', `file://${LAUNCHER}`)) }),
        usage,
      );
    });
  }

  it('does nothing when it arrived in part', async () => {
    const text = await readFile(SCRIPT, 'utf8');
    for (const part of [0.3, 0.6, 0.9]) {
      const input = text.slice(0, Math.floor(text.length * part));
      const result = await run(['sh', '-s', 'prepare', 'ubuntu'], { input });
      assert.doesNotMatch(result.stderr, /tes-node: /);
    }
  });

  describe('as the app serves it', () => {
    let service: TestService;
    before(async () => (service = await startTestService({})));
    after(() => service.close());

    it('is the same', async () => {
      const served = await fetchChecked(`${service.url}/api/node/tes-node`);
      assert.equal(served.status, 200);
      assert.equal(await served.text(), assembleScript());
    });
  });
});
