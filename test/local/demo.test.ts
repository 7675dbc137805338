import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../support/process.ts';

const DEMO = fileURLToPath(new URL('../../local/demo.ts', import.meta.url));

describe('npm run demo', () => {
  it('takes an image through the cache and ends well', async () => {
    const { code, stdout, stderr } = await run([process.execPath, DEMO]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /copying .* of 36\.0 MiB/);
    assert.match(stdout, /3 layers, each with the digest the registry gave it/);
    assert.match(stdout, /Done\./);
  });

  it('says why an image cannot be had, and ends badly', async () => {
    const { code, stderr } = await run([process.execPath, DEMO, 'registry.invalid/x:1']);
    assert.equal(code, 1);
    assert.match(stderr, /registry\.invalid/);
  });
});
