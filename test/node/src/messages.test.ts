import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`messages (${name})`, { skip }, () => {
    it('rounds up to whole MiB', async () => {
      const { stdout } = await withParts(['messages'], 'mib 0; echo; mib 1; echo; mib 1048577', { shell });
      assert.equal(stdout, '0 MiB\n1 MiB\n2 MiB');
    });

    it('knows a number', async () => {
      const text = `for x in 0 17 '' -1 1x x ' 1'; do is_number "$x" && echo "$x"; done`;
      assert.equal((await withParts(['messages'], text, { shell })).stdout, '0\n17\n');
    });

    it('ends with a status and a sentence', async () => {
      const result = await withParts(['messages'], 'die 5 one "two  three"; echo no', { shell });
      assert.deepEqual(result, { stdout: '', stderr: 'tes-node: error: one two  three\n', code: 5 });
    });
  });
}
