import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['usage', 'processes', 'state', 'docker', 'main'];
const STUBS = `
  open_settings() { Service=s Platform=p; }
  prepare() { mkdir -p "$Tmp"; use_tmp "$Tmp"; echo "prepare $Service $Platform $*" >&2; printf 'r:%s\\n' "$@" >"$Tmp/run_refs"; }
  clean() { echo "clean $#: $*" >&2; false; }
`;

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`the command line (${name})`, { skip }, () => {
    const main = (args: string) =>
      withParts(PARTS, `${STUBS} Docker="env A=b docker"; main ${args}`, {
        ...{ shell, env: { TES_NODE_RUN_OPTIONS: '--network=none --init' } },
        programs: { docker: 'printf "<%s>" "$@"; [ ! -e "$HERE/tmp" ] && echo " gone"; exit 9' },
      });

    it('prepares, and prints names', async () => {
      const { code, stdout, stderr } = await main('prepare --platform linux/arm64 --service http://x a b');
      assert.deepEqual([code, stdout, stderr], [0, 'r:a\nr:b\n', 'prepare http://x linux/arm64 a b\n']);
    });

    it('becomes the container that it runs', async () => {
      const { code, stdout, stderr } = await main("run a sh -c 'echo  x' --platform");
      assert.equal(
        stdout,
        '<run><--rm><--label><tes-node><--network=none><--init><r:a><sh><-c><echo  x><--platform> gone\n',
      );
      assert.deepEqual([code, stderr], [9, 'prepare s p a\n']);
    });

    it('cleans, and never fails', async () => {
      const { code, stderr } = await main('clean --next a --next b@sha256:1');
      assert.deepEqual([code, stderr], [0, 'clean 2: a b@sha256:1\n']);
    });

    it('says how it is used', async () => {
      const wrong = [
        '',
        'prepare',
        'run',
        'prepare --platform',
        'run --service',
        'clean x',
        'clean --next',
        'other',
      ];
      for (const args of wrong) {
        const { code, stdout, stderr } = await main(args);
        assert.deepEqual([code, stdout], [2, ''], args);
        assert.match(stderr, /^usage: tes-node prepare/);
      }
    });
  });
}
