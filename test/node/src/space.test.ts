import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SHELLS, withParts } from '../support/part.ts';

const PARTS = ['messages', 'space'];

for (const { name, argv: shell, skip } of SHELLS) {
  describe(`space (${name})`, { skip }, () => {
    /** With so many KiB free, as `df` would say, and so many once the previous image is gone. */
    const check = (free: string, then = free) =>
      withParts(
        PARTS,
        `DataRoot=/d; remove_previous() { echo removed; echo '${then}' >free; }; echo '${free}' >free
        check_space a:1 10485760; echo "$LoadBytes"`,
        { shell, programs: { df: 'echo head; echo "/dev/x 0 0 $(cat free) 0% /d"' } },
      );

    it('takes twice what is downloaded', async () => {
      const { stdout, stderr } = await check('20480');
      assert.equal(stdout, '10485760\n');
      assert.equal(stderr, 'tes-node: a:1: loading 10 MiB; 20 MiB free under /d\n');
    });

    it('is made by removing the previous image, where that helps', async () => {
      assert.equal((await check('20479', '30000')).stdout, 'removed\n10485760\n');
      const { code, stdout, stderr } = await check('1024');
      assert.equal(code, 5);
      assert.equal(stdout, 'removed\n');
      assert.match(stderr, /a:1 needs at least 20 MiB under \/d .*; 1 MiB are free/);
    });

    it('is taken to be there where nobody can tell', async () => {
      assert.equal((await check('-')).stdout, '10485760\n');
    });
  });
}
