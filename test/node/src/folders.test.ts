import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'folders'];

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`task folders (${name})`, { skip }, () => {
    const removed = (text: string) =>
      withParts(
        PARTS,
        `AZ_BATCH_NODE_ROOT_DIR=$HERE/b
        mkdir -p b/workitems/job/run/x-1/wd 'b/workitems/job/run/a b' b/workitems/job/run/.x b/workitems/job2/run/x-1 b/shared
        ${text}
        cd b; find . -mindepth 1 | sort`,
        { shell },
      );
    const CURRENT = './shared\n./workitems\n./workitems/job\n./workitems/job/run\n./workitems/job/run/x-1\n';

    it("go, but for the current task's", async () => {
      for (const slash of ['', '/']) {
        const text = `AZ_BATCH_TASK_DIR=$HERE/b/workitems/job/run/x-1${slash}; remove_task_folders`;
        assert.equal((await removed(text)).stdout, `${CURRENT}./workitems/job/run/x-1/wd\n`);
      }
    });

    it('stay where it cannot be told which is the current one', async () => {
      for (const current of [
        '',
        '/',
        '$HERE/b/startup',
        '$HERE/b/workitems/job',
        '$HERE/b/workitems/job/run/x/y',
      ]) {
        const { stdout } = await removed(`AZ_BATCH_TASK_DIR=${current}; remove_task_folders`);
        assert.match(stdout, /job2\/run\/x-1$/m, current);
      }
    });

    it('stay where something is mounted, or a link leads elsewhere', async () => {
      const mounted = await removed(`is_mounted() { case $1 in *job2) ;; *) return 1 ;; esac; }
        AZ_BATCH_TASK_DIR=$HERE/b/workitems/job/run/x-1; remove_task_folders`);
      assert.match(mounted.stdout, /job2\/run\/x-1$/m);
      assert.match(mounted.stderr, /job2 stays: something is mounted in it/);
      const linked = await removed(`mv b/workitems/job elsewhere; ln -s "$HERE/elsewhere" b/workitems/job
        AZ_BATCH_TASK_DIR=$HERE/b/workitems/job/run/x-1; remove_task_folders; ls elsewhere/run >&2`);
      assert.match(linked.stderr, /is not a plain folder; task folders stay\na b\nx-1\n/);
    });

    it('knows a mount from none', async () => {
      const text = 'is_mounted /proc && echo yes; is_mounted "$HERE" || echo no';
      assert.equal((await withParts(PARTS, text, { shell })).stdout, 'yes\nno\n');
    });
  });
}
