import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

/** Says which of the processes whose ids lie in the files pid.* are still there. */
const LEFT = 'for file in pid.*; do ! kill -0 "$(cat "$file")" 2>/dev/null || echo "left $file"; done';

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`processes (${name})`, { skip }, () => {
    it('gives the status of what it waited for, and forgets that', async () => {
      const text = `own_children
        (exit 3) & await; echo $?
        (exit 4) & begun; first=$LastChild
        (exit 5) & begun; second=$LastChild
        ended "$second"; echo $?; ended "$first"; echo $?; echo "[$(echo $Children)]"`;
      const { stdout, stderr } = await withParts(['processes'], text, { shell });
      assert.equal(stdout, '3\n5\n4\n[]\n', stderr);
    });

    for (const [signal, status] of [
      ['HUP', 129],
      ['TERM', 143],
    ] as const) {
      it(`ends all that it started, and what that started, at ${signal}`, async () => {
        // The shell under test is itself in the background; it tells by a file that all has been started.
        const text = `
          (
            own_children
            {
              own_children
              sh -c 'echo $$ >pid.inner; exec sleep 60' & begun
              sh -c 'echo $$ >pid.other; : >ready; exec sleep 60' & await
            } &
            begun
            sh -c 'echo $$ >pid.outer; exec sleep 60' & await
          ) &
          pid=$!
          while [ ! -e ready ] || [ ! -s pid.inner ] || [ ! -s pid.outer ]; do sleep 0.05; done
          kill -${signal} "$pid"
          wait "$pid"
          echo "status $?"
          ${LEFT}`;
        const { stdout, stderr } = await withParts(['processes'], text, { shell });
        assert.equal(stdout, `status ${status}\n`, stderr);
      });
    }

    it('ends what is left where a shell ends by itself', async () => {
      const text = `
        ( own_children; sh -c 'echo $$ >pid.left; exec sleep 60' & begun
          while [ ! -s pid.left ]; do sleep 0.05; done; exit 7 )
        echo $?
        ${LEFT}`;
      const { stdout, stderr } = await withParts(['processes'], text, { shell });
      assert.equal(stdout, '7\n', stderr);
    });
  });
}
