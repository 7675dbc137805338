import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hexOf, sha256Of } from '../../../src/image/digest.ts';
import { parseReference } from '../../../src/image/reference.ts';
import { digestAliasName, documentName, tagAliasName } from '../../../src/store/hints/hintNames.ts';

const DIGEST = sha256Of('manifest');
const HEX = hexOf(DIGEST);

it('an alias has a name that no tag, platform or repository can leave', () => {
  const ref = parseReference('localhost:5000/a/b:1.0_x');
  assert.equal(tagAliasName(ref, '1.0_x'), 'refs/localhost_5000/a/b/_tags/1.0_x.json');
  const arm = { os: 'linux', architecture: 'arm', variant: 'v7' };
  assert.equal(
    digestAliasName(ref, DIGEST, arm),
    `refs/localhost_5000/a/b/_digests/sha256-${HEX}/linux-arm-v7.json`,
  );
  // A repository's path cannot be taken for an alias' folder: no component starts with an underscore.
  assert.throws(() => parseReference('ghcr.io/a/_tags'), { code: 'invalid_reference' });
  assert.equal(documentName(DIGEST), `manifests/sha256/${HEX}`);
});
