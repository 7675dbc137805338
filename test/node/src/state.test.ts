import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'processes', 'state'];

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`state (${name})`, { skip }, () => {
    it('remembers each image once, newest last, and forgets', async () => {
      const text = `
        remembered; remember a loading yes one:1 r1; remember b ready no two:1 r2 t2; remember a ready yes one:1 r1 t1
        remembered; echo; forget b; remembered; known_ref one:1; known_ref two:1; remember a loading yes one:1 r1
        known_ref one:1; ls "$State"`;
      const { stdout, stderr } = await withParts(PARTS, text, { shell });
      assert.equal(
        stdout,
        'b ready no two:1 r2 t2\na ready yes one:1 r1 t1\n\na ready yes one:1 r1 t1\nr1\nimages\n',
        stderr,
      );
    });

    it('takes its temporary folder, and those of killed ones, away', async () => {
      const text = `
        mkdir "$State/tmp.1"
        (own_children; open_state; [ -d "$Tmp" ] && echo made; exit 3); echo $?; ls "$State"`;
      const { stdout, stderr } = await withParts(PARTS, text, { shell });
      assert.equal(stdout, 'made\n3\nlock\n', stderr);
    });

    it('waits for another one, for so long and no longer', async () => {
      const text = `own_children; { flock 8; : >held; exec sleep 20; } 8>"$State/lock" & begun
        while [ ! -e held ]; do sleep 0.05; done
        WaitSeconds=1; open_state; echo $?`;
      const { stdout, stderr } = await withParts(PARTS, text, { shell });
      assert.equal(stdout, '1\n');
      assert.match(stderr, /another tes-node is at work/);
    });

    it('fails where its folder cannot be made', async () => {
      const text = ': >file; State=$HERE/file/state; open_state; echo $?';
      assert.equal((await withParts(PARTS, text, { shell })).stdout, '1\n');
    });
  });
}
