import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'processes', 'answer', 'docker', 'state', 'prepare'];
const SETUP = `own_children
  Service=http://s Status=000 WaitSeconds=60 Platform=linux/amd64 Wanted= Store=classic
`;
/** Has the images whose names are in the file `images`, each with its name as id. */
const DOCKER = `for last; do :; done
case "$1" in
  image) shift 4; for name; do ! grep -qx "$name" "$HERE/images" || { echo "sha256:$name"; found=yes; }; done; [ "\${found-}" ] ;;
  *) echo "$*" >>"$HERE/asked"; [ "$1" != pull ] || echo "$last" >>"$HERE/images" ;;
esac`;

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`prepare (${name})`, { skip }, () => {
    const run = (text: string, answer = '') =>
      withParts(PARTS, `: >images; : >asked; ${SETUP} ${text}`, {
        ...{ shell, files: { answer }, programs: { docker: DOCKER } },
      });

    it('refuses what is no name of an image', async () => {
      for (const image of ['', '-x', 'a b', '$(x)', "a'"]) {
        const { code, stderr } = await run(
          `check_settings() { :; }; prepare "$IMAGE"`.replace('$IMAGE', image.replace(/\$/g, '\\$')),
        );
        assert.equal(code, 2, stderr);
        assert.match(stderr, /is not an image name/);
      }
    });

    it('asks the service patiently, and not where the image is here', async () => {
      const text = `lookup() { echo "$1 $2"; echo "IMAGE_ID='sha256:1'" >"$Tmp/answer"; }`;
      assert.equal((await run(`${text}; resolve a:1; echo "$Wanted"`)).stdout, 'a:1 60\n sha256:1\n');
      assert.equal((await run(`${text}; echo a:1 >images; resolve a:1`)).stdout, 'a:1 0\n');
    });

    it('uses what is here while the service is out of reach', async () => {
      const known = `lookup() { return 1; }; echo 'i ready yes a:1 r:1' >"$State/images"`;
      const { stdout, stderr } = await run(`${known}; echo r:1 >images; resolve a:1; cat "$Tmp/answer"`);
      assert.equal(stdout, "RUN_REF='r:1'\nIMAGE_ID='sha256:r:1'\n");
      assert.match(stderr, /warning: the service does not answer; using the a:1 that is on this node/);
      const none = await run(`${known}; resolve b:1`);
      assert.equal(none.code, 4);
      assert.match(none.stderr, /b:1 cannot be had: the service http:\/\/s does not answer \(status 000\)/);
    });

    it('pulls from the registry what the cache does not have, as its own', async () => {
      const { stdout } = await run(
        'lookup() { return 2; }; resolve a:1; cat asked "$State/images"; field RUN_REF',
      );
      assert.equal(stdout, 'pull --platform linux/amd64 a:1\nsha256:a:1 ready yes a:1 a:1\na:1\n');
    });

    const answer = "RUN_REF='r:1'\nIMAGE_ID='sha256:r:1'\nTAG_AS='a:1'\nSIZE='9'\nURL='http://x'\n";

    it('loads what is missing, and names it', async () => {
      const text = `load_missing() { echo "load $1"; grep -c ' loading ' "$State/images"; echo r:1 >>images; }
        make_ready a:1; cat asked "$State/images" "$Tmp/run_refs"`;
      assert.equal(
        (await run(text, answer)).stdout,
        'load a:1\n1\ntag r:1 a:1\nsha256:r:1 ready yes a:1 r:1 a:1\nr:1\n',
      );
    });

    it('loads nothing that is there, and does not call it its own', async () => {
      const { stdout } = await run('echo r:1 >images; make_ready a:1; cat asked "$State/images"', answer);
      assert.equal(stdout, 'tag r:1 a:1\nsha256:r:1 ready no a:1 r:1 a:1\n');
    });

    it('ends where something else was loaded, or nothing', async () => {
      const nothing = await run('load_missing() { :; }; make_ready a:1', answer);
      assert.equal(nothing.code, 7);
      assert.match(nothing.stderr, /does not hold r:1/);
      const other = answer.replace("ID='sha256:r", "ID='sha256:x");
      const wrong = await run('load_missing() { echo r:1 >images; }; make_ready a:1', other);
      assert.equal(wrong.code, 7);
      assert.match(wrong.stderr, /was loaded as sha256:r:1, but it is sha256:x:1/);
    });
  });
}
