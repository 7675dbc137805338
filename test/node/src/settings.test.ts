import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'settings'];
const URL = { TES_CACHE_URL: 'http://127.0.0.1:9' };

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`settings (${name})`, { skip }, () => {
    it('names one that is wrong', async () => {
      const wrong: readonly (readonly [Record<string, string>, RegExp])[] = [
        [{ TES_CACHE_URL: '' }, /no service is set/],
        [{ TES_CACHE_URL: 'ftp://host' }, /must be an http or https URL/],
        [{ TES_CACHE_URL: 'http://host/$(x)' }, /the service URL has characters/],
        [{ TES_CACHE_WAIT: 'long' }, /TES_CACHE_WAIT is "long"/],
        [{ TES_CACHE_CONNECTIONS: '0' }, /TES_CACHE_CONNECTIONS is "0"/],
        [{ TES_CACHE_ON_MISS: 'guess' }, /TES_CACHE_ON_MISS is "guess"/],
        [{ TES_CACHE_KEY: 'a b' }, /the key has characters/],
        [{ TES_CACHE_KEY_FILE: '/nowhere' }, /\/nowhere cannot be read/],
      ];
      for (const [setting, message] of wrong) {
        const options = { shell, env: { ...URL, ...setting } };
        const { code, stderr } = await withParts(PARTS, 'open_settings; check_settings', options);
        assert.equal(code, 2, stderr);
        assert.match(stderr, message);
      }
    });

    it('takes the key out of the environment, and another one out of its file', async () => {
      const text = 'open_settings; check_settings; echo "$Key [$(env | grep -c TES_CACHE_KEY=)]"';
      const own = await withParts(PARTS, text, { shell, env: { ...URL, TES_CACHE_KEY: 'k1' } });
      assert.equal(own.stdout, 'k1 [0]\n', own.stderr);
      const file = await withParts(PARTS, `TES_CACHE_KEY_FILE=$Tmp/key; ${text}`, {
        ...{ shell, env: URL, files: { key: 'k2\r\n' } },
      });
      assert.equal(file.stdout, 'k2 [0]\n', file.stderr);
    });

    it("keeps its state in Batch's folder, or in its own, or where it is told to", async () => {
      const state = async (env: Record<string, string>) =>
        (await withParts(PARTS, 'open_settings; echo "$State"', { shell, env })).stdout;
      assert.equal(await state({}), '/var/lib/tes-node\n');
      assert.equal(await state({ AZ_BATCH_NODE_SHARED_DIR: '/b' }), '/b/tes-node\n');
      assert.equal(await state({ AZ_BATCH_NODE_SHARED_DIR: '/b', TES_NODE_STATE: '/s' }), '/s\n');
    });

    it('takes GNU wget where there is no curl, and no other', async () => {
      const text =
        'command() { case $2 in curl) return 1 ;; esac; }; open_settings; choose_http; echo "$Http"';
      const gnu = await withParts(PARTS, text, { shell, programs: { wget: 'echo GNU Wget 1.21' } });
      assert.equal(gnu.stdout, 'wget\n', gnu.stderr);
      const other = await withParts(PARTS, text, { shell, programs: { wget: 'echo BusyBox' } });
      assert.equal(other.code, 2);
      assert.match(other.stderr, /neither curl nor GNU wget/);
    });
  });
}
