import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'answer'];
const GOOD: Readonly<Record<string, string>> = {
  STATE: 'ready',
  RUN_REF: 'host:5000/a/b:sha256-12',
  TAG_AS: 'host:5000/a/b:1',
  IMAGE_ID: 'sha256:12',
  MANIFEST_DIGEST: 'sha256:34',
  SIZE: '4096',
  RANGES: '0-511 1024-4095',
  RANGES_SIZE: '3584',
  LAYERS: '2',
  LAYERS_HELD: '1',
  URL: 'https://x.blob.core.windows.net/c/a.tar?sv=1&sig=a%2B/=',
};
const lines = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('');

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`the answer (${name})`, { skip }, () => {
    it('gives a value by its name, quotes and all', async () => {
      const answer = "A_B='other'\nB='it'\\''s $(x) `y`'\nB='second'\nEMPTY=''\nBROKEN='x\n";
      const text = 'for x in B EMPTY BROKEN NONE; do echo "[$(field $x)]"; done';
      const { stdout } = await withParts(PARTS, text, { shell, files: { answer } });
      assert.equal(stdout, "[it's $(x) `y`]\n[]\n[]\n[]\n");
    });

    it('is one where each value is what it should be', async () => {
      const check = async (values: Readonly<Record<string, string>>) =>
        (await withParts(PARTS, 'check_answer', { shell, files: { answer: lines(values) } })).code;
      assert.equal(await check(GOOD), 0);
      assert.equal(await check({ ...GOOD, RANGES: '', TAG_AS: '' }), 0);
      const wrong: readonly (readonly [string, string])[] = [
        ['SIZE', ''],
        ['SIZE', '1 + 1'],
        ['RANGES_SIZE', 'x'],
        ['LAYERS_HELD', 'a[$(x)]'],
        ['RANGES', '0-1 5'],
        ['RANGES', '0-1-2'],
        ['RANGES', '-1'],
        ['RUN_REF', '-x'],
        ['RUN_REF', ''],
        ['RUN_REF', 'a b'],
        ['TAG_AS', '$(x)'],
        ['IMAGE_ID', ''],
        ['INDEX_DIGEST', '*'],
        ['URL', 'file:///etc/passwd'],
        ['URL', 'http://x/"y'],
      ];
      for (const [key, value] of wrong) {
        assert.equal(await check({ ...GOOD, [key]: value }), 1, `${key}=${value}`);
      }
    });

    it('can come from the node itself', async () => {
      const text = 'local_answer r:1 sha256:1; read_answer; echo "$RunRef $ImageId [$TagAs] $ExpectedIds"';
      assert.equal((await withParts(PARTS, text, { shell })).stdout, 'r:1 sha256:1 [] sha256:1  \n');
    });
  });
}
