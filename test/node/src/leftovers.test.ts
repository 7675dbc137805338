import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'docker', 'leftovers'];
const NAME = 'a'.repeat(64);
const DOCKER = `case "$1 $2" in
  "ps --all") echo "$*" >>log; echo c1; echo c2 ;;
  "volume ls") printf '%s\\n' 'named ' 'ours tes-node=' 'alike tes-node-like=' 'anonymous x=1,com.docker.volume.anonymous=' '${NAME} ' ;;
  *) echo "$*" >>log; case $* in *c1 | *anonymous) echo busy >&2; exit 1 ;; esac ;;
esac`;

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`leftovers (${name})`, { skip }, () => {
    const removed = (text: string) =>
      withParts(PARTS, `${text}; cat log`, { shell, programs: { docker: DOCKER } });

    it('are the containers with the label', async () => {
      const { stdout, stderr } = await removed('remove_containers');
      assert.equal(
        stdout,
        'ps --all --quiet --filter label=tes-node\nrm --force --volumes c1\nrm --force --volumes c2\n',
      );
      assert.equal(stderr, 'tes-node: warning: container c1 stays: busy\n');
    });

    it('are volumes with the label, and anonymous ones', async () => {
      const { stdout, stderr } = await removed('OldVolumes=no; remove_volumes');
      assert.equal(stdout, 'volume rm ours\nvolume rm anonymous\n');
      assert.equal(stderr, 'tes-node: warning: volume anonymous stays: busy\n');
      assert.match(
        (await removed('OldVolumes=yes; remove_volumes')).stdout,
        new RegExp(`volume rm ${NAME}\n$`),
      );
    });
  });
}
