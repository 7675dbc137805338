import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OCI_MANIFEST } from '../../src/image/mediaTypes.ts';
import { isSchema1 } from '../../src/image/schema1.ts';

const SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

describe('a manifest of schema 1', () => {
  for (const [contentType, text, is] of [
    [SIGNED, undefined, true],
    ['Application/vnd.docker.distribution.manifest.v1+json; charset=utf-8', undefined, true],
    ['application/json', '{"schemaVersion":1,"name":"a","tag":"1","fsLayers":[],"history":[]}', true],
    [undefined, '{"fsLayers":[{"blobSum":"sha256:00"}]}', true],
    [OCI_MANIFEST, '{"schemaVersion":2,"layers":[]}', false],
    [undefined, 'no JSON', false],
    [undefined, undefined, false],
  ] as const) {
    it(`is ${is ? '' : 'not '}told by ${contentType ?? 'no type'} and ${text ?? 'no bytes'}`, () =>
      assert.equal(isSchema1(contentType, text === undefined ? undefined : Buffer.from(text)), is));
  }
});
