import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { entriesFor } from '../../src/image/choosePlatform.ts';
import { sha256Of } from '../../src/image/digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/image/mediaTypes.ts';
import { parsePlatform } from '../../src/image/platform.ts';

const digest = sha256Of('x');

describe('of an index', () => {
  for (const [wanted, offered, chosen] of [
    ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm64'], 1],
    ['linux/arm/v6', ['linux/arm/v7'], undefined],
    ['linux/arm64', ['linux/arm64/v8'], 0],
    ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4'], 1],
    ['linux/amd64', ['linux/amd64/v2'], undefined],
    ['windows/amd64', ['linux/amd64', 'windows/amd64'], 1],
  ] as const) {
    it(`${wanted} runs ${chosen === undefined ? 'nothing' : offered[chosen]} of ${offered.join(', ')}`, () => {
      const manifests = offered.map((text, at) => ({
        ...{ mediaType: OCI_MANIFEST, digest, size: at, isAttestation: false },
        platform: parsePlatform(text),
      }));
      const choose = (): number =>
        entriesFor({ kind: 'index', mediaType: OCI_INDEX, manifests }, parsePlatform(wanted), 'x')[0].size;
      if (chosen === undefined) assert.throws(choose, { code: 'unsupported_image' });
      else assert.equal(choose(), chosen);
    });
  }
});
