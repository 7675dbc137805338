import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseImageConfig } from '../../src/image/imageConfig.ts';
import { type ImageManifest, parseManifest } from '../../src/image/manifest.ts';
import { OCI_MANIFEST } from '../../src/image/mediaTypes.ts';
import { formatPlatform } from '../../src/image/platform.ts';
import { digest, encode, manifest, mutated, readOrRefuse } from './support/documents.ts';

const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [digest, digest] } };

describe('configs, whatever a registry sends', () => {
  const parsed = parseManifest(encode(manifest), OCI_MANIFEST, 'x') as ImageManifest;
  it('are read, or refused in few and printable words', () => {
    const { platform } = parseImageConfig(encode(config), parsed, 'x');
    assert.equal(platform && formatPlatform(platform), 'linux/amd64');
    fc.assert(
      fc.property(mutated(config), (document) => {
        readOrRefuse(() => {
          const { platform } = parseImageConfig(encode(document), parsed, 'x');
          if (platform !== undefined)
            assert.match(formatPlatform(platform), /^[a-z0-9_./-]+$/, 'it goes into metadata');
        });
      }),
      { numRuns: 800 },
    );
  });
});
