import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hexOf, sha256Of } from '../../../src/image/digest.ts';
import { parseReference } from '../../../src/image/reference.ts';
import { archiveName, repositoryFolder } from '../../../src/store/archive/archiveNames.ts';

const DIGEST = sha256Of('manifest');
const HEX = hexOf(DIGEST);

it('an archive is named by its repository, with the host of any registry but Docker Hub', () => {
  const name = (image: string): string => archiveName(parseReference(image), DIGEST);
  assert.equal(name('broadinstitute/gatk:4'), `broadinstitute/gatk/${HEX}.tar`);
  assert.equal(name('ubuntu'), `library/ubuntu/${HEX}.tar`);
  assert.equal(name('index.docker.io/library/ubuntu'), `library/ubuntu/${HEX}.tar`);
  assert.equal(name('ghcr.io/owner/name'), `ghcr.io/owner/name/${HEX}.tar`);
  assert.equal(name('localhost:5000/a/b'), `localhost_5000/a/b/${HEX}.tar`);
  assert.equal(repositoryFolder(parseReference('localhost:5000/a/b')), 'localhost_5000/a/b/');
});
