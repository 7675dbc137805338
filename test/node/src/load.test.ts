import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'processes', 'answer', 'docker', 'space', 'download', 'load', 'state'];
const ANSWER = "LAYERS='3'\nLAYERS_HELD='2'\nRANGES='0-3 6-9'\n";
const SETUP = `own_children
  Downloaded=0 Size=10 RunRef=r:1 ExpectedIds=sha256:aa DataRoot=/
  stream() {
    echo "stream $*" >>asked
    shift
    # One byte more came than docker reads.
    case $* in 0-9) echo 10 ;; *) echo 8 ;; esac >"$Tmp/sent"
    printf x >"$Tmp/chunk.10"
    : >"$Tmp/chunk.10.head"
    printf %s "$*"
  }
`;
/** Loads what it likes; its image is there from then on. */
const docker = (likes: string): string => `case $1 in
  load) cat >"$HERE/got"; ${likes} && : >"$HERE/loaded" || { echo 'no such thing' ; exit 1; } ;;
  image) [ -e "$HERE/loaded" ] && echo sha256:aa ;;
  rmi) echo "$*" >>"$HERE/asked" ;;
esac`;

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`loading (${name})`, { skip }, () => {
    const load = (likes: string, text = 'load_missing a:1', answer = ANSWER) =>
      withParts(PARTS, `${SETUP} ${text}; echo "$? $Downloaded"; cat asked got`, {
        ...{ shell, files: { answer }, programs: { docker: docker(likes) } },
      });

    it('loads what is missing', async () => {
      const { stdout, stderr } = await load('true');
      assert.equal(stdout, '0 9\nstream a:1 0-3 6-9\n0-3 6-9');
      assert.match(stderr, /a:1: 2 of its 3 layers are on this node/);
    });

    it('loads all where none is there, or docker does not take a part', async () => {
      assert.equal((await load('true', 'load_missing a:1', '')).stdout, '0 11\nstream a:1 0-9\n0-9');
      const { stdout, stderr } = await load('[ "$(cat got)" = 0-9 ]');
      assert.equal(stdout, '0 20\nstream a:1 0-3 6-9\nrmi r:1\nstream a:1 0-9\n0-9');
      assert.match(
        stderr,
        /warning: docker did not take the missing layers alone: no such thing\. Loading the whole/,
      );
    });

    it('tells a docker that refuses from a storage that does not give', async () => {
      const refused = await load('false');
      assert.equal(refused.code, 6);
      assert.match(refused.stderr, /docker could not load a:1: no such thing/);
      for (const status of [1, 4]) {
        const broken = await load('false', `stream() { printf part; return ${status}; }; load_missing a:1`);
        assert.equal(broken.code, 4, broken.stderr);
        assert.match(broken.stderr, /a:1 could not be downloaded/);
      }
    });

    it('ends a download that docker does not want any more', async () => {
      const text = `stream() { sleep 60 & echo $! >pid; await; }
        load_ranges a:1 0-9; echo $?; kill -0 "$(cat pid)" 2>/dev/null && echo left`;
      const refusing = 'while [ ! -s "$HERE/pid" ]; do sleep 0.05; done; exit 1';
      const result = await withParts(PARTS, SETUP + text, { shell, programs: { docker: refusing } });
      assert.equal(result.stdout, '1\n', result.stderr);
    });

    it('removes the names that a load left when it was cut off', async () => {
      const text = `printf '%s\\n' 'a loading yes x r1 t1' 'b ready yes y r2' >"$State/images"; remove_unfinished; cat asked`;
      assert.equal(
        (await withParts(PARTS, text, { shell, programs: { docker: docker('true') } })).stdout,
        'rmi r1 t1\n',
      );
    });
  });
}
