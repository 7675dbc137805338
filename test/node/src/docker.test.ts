import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['docker', 'state'];

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`docker (${name})`, { skip }, () => {
    const info = async (docker: string) =>
      (
        await withParts(PARTS, 'open_docker; echo "$? ${Store-} ${DataRoot-} $OldVolumes"', {
          ...{ shell, programs: { docker } },
        })
      ).stdout;

    it('tells the stores and the versions apart', async () => {
      assert.equal(
        await info("echo '/var/lib/docker|[[Backing Filesystem extfs]]|20.10.24+dfsg1'"),
        '0 classic /var/lib/docker yes\n',
      );
      assert.equal(
        await info("echo '/d|[[driver-type io.containerd.snapshotter.v1]]|26.1.5'"),
        '0 other /d no\n',
      );
      const podman = 'case $3 in *GraphRoot*) echo "/containers||" ;; *) exit 125 ;; esac';
      assert.equal(await info(podman), '0 other /containers no\n');
      assert.equal(await info('echo down >&2; exit 1'), '1   no\n');
    });

    it('knows an image by any of its ids', async () => {
      const text =
        "ExpectedIds='sha256:aa sha256:bb '; for x in sha256:bb aa sha256:cc ''; do is_expected \"$x\"; echo $?; done";
      assert.equal((await withParts(PARTS, text, { shell })).stdout, '0\n0\n1\n1\n');
    });

    it('takes an image that is there, but not one whose load was cut off', async () => {
      const text = `RunRef=h/a:sha256-1 ImageId=sha256:aa ManifestDigest=sha256:bb IndexDigest=
        ExpectedIds="$ImageId $ManifestDigest"; Store=classic; is_present; echo "$? $Found"
        echo 'sha256:aa loading yes a:1 r' >"$State/images"
        is_present; echo $?; Store=other; is_present; echo $?; ExpectedIds=sha256:dd; is_present; echo $?`;
      const docker = `echo "$*" >>"$HERE/asked"; echo sha256:zz; echo sha256:bb`;
      const { stdout } = await withParts(PARTS, `${text}; head -n 1 asked`, { shell, programs: { docker } });
      assert.equal(
        stdout,
        '0 sha256:bb\n0\n1\n1\nimage inspect --format {{.Id}} h/a:sha256-1 sha256:aa h/a@sha256:bb\n',
      );
    });

    it('lists layers by a command of several words, as far as the service reads', async () => {
      const docker = `case "$1 $2" in
        "image ls") i=0; while [ $i -lt 300 ]; do echo "sha256:$i"; i=$((i + 1)); done ;;
        "image inspect") shift 4; for id; do printf '%02000d \\n' "\${id#*:}"; done ;;
      esac`;
      const text =
        'Docker="env A=b docker"; list_layers >out; wc -l <out; [ "$(wc -c <out)" -lt 262144 ] && echo fits';
      const { stdout, stderr } = await withParts(PARTS, text, { shell, programs: { docker } });
      assert.match(stdout, /^\s*124\nfits\n$/, stderr);
    });
  });
}
