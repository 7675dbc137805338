import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'processes', 'http', 'download'];
/** A storage that has the text in $HERE/archive: the later the chunk, the sooner it comes. */
const CURL = `cat >/dev/null
while [ $# -gt 0 ]; do case $1 in --range) range=$2 ;; --dump-header) head=$2 ;; esac; shift; done
from=\${range%-*} to=\${range#*-}
printf x >>"$HERE/asked"
[ "$from" -gt 4 ] || sleep 0.3
[ ! -e "$HERE/refuse" ] || { printf 'HTTP/1.1 403 No\\r\\n' >"$head"; exit 22; }
printf 'HTTP/1.1 206 Partial\\r\\n' >"$head"
count=$((to - from + 1))
[ ! -e "$HERE/more" ] || count=9
most=$(cat "$HERE/most" 2>/dev/null || echo 99)
tail -c "+$((from + 1))" "$HERE/archive" | head -c "$((most < count ? most : count))"`;
const SETUP = `own_children
  Http=curl Connections=3 StoragePatience=1 LoadBytes=20 Chunk=4
  echo http://x/y >"$Tmp/url"; printf abcdefghijklmnopqrst >archive
  pause() { :; }
`;

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`downloading (${name})`, { skip }, () => {
    const stream = (text: string) => withParts(PARTS, SETUP + text, { shell, programs: { curl: CURL } });

    it('divides ranges into chunks', async () => {
      const { stdout } = await stream('chunks_of 0-9 12-12 20-23; chunks_of');
      assert.equal(stdout, '0 3\n4 7\n8 9\n12 12\n20 23\n');
    });

    it('writes ranges in order, whichever comes first, and tells how far it is', async () => {
      const { stdout, stderr } = await stream('stream a:1 0-5 8-19; echo " $?"; ls "$Tmp" | grep chunk\\\\.');
      assert.equal(stdout, 'abcdefijklmnopqrst 0\n');
      assert.match(stderr, /a:1: 1 MiB of 1 MiB/);
    });

    it('goes on where a chunk broke off', async () => {
      const { stdout } = await stream('echo 3 >most; stream a:1 0-7; echo " $?"; cat asked');
      assert.equal(stdout, 'abcdefgh 0\nxxxx');
    });

    it('has another URL signed where one is refused, and gives up after some', async () => {
      const again = await stream(`: >refuse
        lookup() { rm refuse; echo "lookup $1" >&2; }; field() { echo http://x/z; }
        Connections=1; stream a:1 0-7; echo " $?"; cat "$Tmp/url"`);
      assert.equal(again.stdout, 'abcdefgh 0\nhttp://x/z\n', again.stderr);
      assert.match(again.stderr, /lookup a:1/);
      const never = await stream(`: >refuse; lookup() { echo lookup; }; field() { echo http://x/z; }
        stream a:1 0-7; echo $?`);
      assert.equal(never.stdout, 'lookup\nlookup\nlookup\n1\n');
    });

    it('gives up on a storage that sends nothing for too long, or too much', async () => {
      const nothing = await stream('echo 0 >most; StoragePatience=0; stream a:1 0-3; echo $?');
      assert.equal(nothing.stdout, '1\n');
      assert.match(nothing.stderr, /the storage does not answer \(status 206\)/);
      const much = await stream('echo >more; stream a:1 0-3; echo $?');
      assert.equal(much.stdout, '1\n');
      assert.match(much.stderr, /sends more than was asked for/);
    });

    it('knows when nobody reads on', async () => {
      const { stdout, stderr } = await stream('{ stream a:1 0-19; echo $? >status; } | :; wait; cat status');
      assert.equal(stdout, '2\n', stderr);
    });
  });
}
