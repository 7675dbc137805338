import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'processes', 'state', 'clean'];
const STUBS = `own_children
  open_docker() { echo open; }
  clean_leftovers() { [ -d "$Tmp" ] && echo leftovers; }
  remove_previous() { echo "keeps$Wanted"; }
  id_of() { echo "id-$1"; }
`;

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`clean (${name})`, { skip }, () => {
    it('keeps what is next: a tag as it is now, a digest as it was made ready', async () => {
      const text = `${STUBS} printf '%s\\n' 'i ready yes a@sha256:1 r:1' 'j ready yes t:1 r:2' >"$State/images"
        clean a@sha256:1 b@sha256:2 t:1`;
      const { stdout, stderr } = await withParts(PARTS, text, { shell });
      assert.equal(stdout, 'open\nleftovers\nkeeps id-r:1 id-b@sha256:2 id-t:1\n', stderr);
    });

    it('does what it can where its own folder cannot be used', async () => {
      const text = `${STUBS} open_docker() { echo down >"$Tmp/problem"; return 1; }
        : >file; State=$HERE/file/x; clean a:1; echo $?`;
      const { stdout, stderr } = await withParts(PARTS, text, { shell });
      assert.equal(stdout, 'leftovers\n0\n');
      assert.match(
        stderr,
        /warning: the folder \S+ cannot be used.*\n.*warning: docker does not answer: down/,
      );
    });
  });
}
