import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'docker', 'state', 'images'];
/** A daemon whose images are lines ID NAME in the file `images`; `busy` names one that cannot go. */
const DOCKER = `for last; do :; done
case "$1 $2 $4" in
  "image inspect {{.Id}}") awk -v n="$last" '$2 == n || $1 == n { print $1; found = 1; exit } END { exit !found }' images ;;
  "image inspect {{len"*) awk -v n="$last" '$2 == n || $1 == n { id = $1 } { names[$1] += $2 != "" } END { if (id == "") exit 1; print names[id] }' images ;;
  "rmi "*) [ "$last" != "$(cat busy 2>/dev/null)" ] || { echo in use >&2; exit 1; }
    awk -v n="$last" '$2 != n && $1 != n' images >images.new; mv images.new images ;;
esac`;

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`removing images (${name})`, { skip }, () => {
    const remove = async (
      images: readonly string[],
      state: readonly string[],
      text = 'Wanted=; remove_previous',
    ) => {
      const { stdout, stderr } = await withParts(
        PARTS,
        `printf '%s\\n' ${images.map((line) => `'${line}'`).join(' ')} >images
        printf '%s\\n' ${state.map((line) => `'${line}'`).join(' ')} >"$State/images"
        ${text}; cat images; echo --; cat "$State/images"`,
        { shell, programs: { docker: DOCKER } },
      );
      return { stderr, left: stdout.split('--\n').map((part) => part.split('\n').filter(Boolean)) };
    };

    it('takes what nobody wants, and no name that others gave', async () => {
      const { left } = await remove(
        ['a r:1', 'a t:1', 'a other:1', 'b r:2'],
        ['a ready yes t:1 r:1 t:1', 'b ready yes t:2 r:2'],
      );
      assert.deepEqual(left, [['a other:1'], []]);
    });

    it('keeps what is wanted, by either id', async () => {
      const state = ['a ready yes t:1 r:1', 'm ready yes t:2 r:2', 'c ready yes t:3 r:3'];
      const { left } = await remove(['a r:1', 'b r:2', 'c r:3'], state, 'Wanted=" a b"; remove_previous');
      assert.deepEqual(left, [['a r:1', 'b r:2'], state.slice(0, 2)]);
    });

    it('keeps a tag that moved on, and the last name of what was here before', async () => {
      const moved = await remove(['a r:1', 'x t:1'], ['a ready yes t:1 r:1 t:1']);
      assert.deepEqual(moved.left, [['x t:1'], []]);
      const before = await remove(['a r:1'], ['a ready no t:1 r:1']);
      assert.deepEqual(before.left, [['a r:1'], []]);
    });

    it('warns about what stays, and remembers it', async () => {
      const { stderr, left } = await remove(
        ['a r:1'],
        ['a ready yes t:1 r:1'],
        'echo r:1 >busy; Wanted=; remove_previous',
      );
      assert.equal(stderr, 'tes-node: warning: image r:1 stays: in use\n');
      assert.deepEqual(left, [['a r:1'], ['a ready yes t:1 r:1']]);
    });
  });
}
