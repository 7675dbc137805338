import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CacheError } from '../../src/errors.ts';
import { entriesFor } from '../../src/image/choosePlatform.ts';
import { parseManifest } from '../../src/image/manifest.ts';
import { layerCompression, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../src/image/mediaTypes.ts';
import { parsePlatform } from '../../src/image/platform.ts';
import { encode, index, manifest, mutated, readOrRefuse } from './support/documents.ts';

describe('manifests, whatever a registry sends', () => {
  const contentType = fc.option(
    fc.oneof(
      fc.constantFrom(OCI_INDEX, OCI_MANIFEST, `${OCI_MANIFEST}; charset=utf-8`, 'text/html'),
      fc.string(),
    ),
    { nil: undefined },
  );
  it('are read, or refused in few and printable words', () => {
    fc.assert(
      fc.property(fc.oneof(mutated(manifest), mutated(index)), contentType, (document, type) => {
        readOrRefuse(() => {
          const parsed = parseManifest(encode(document), type, 'x');
          if (parsed.kind === 'index') entriesFor(parsed, parsePlatform('linux/amd64'), 'x');
          else for (const layer of parsed.layers) assert.ok(layerCompression(layer.mediaType) !== undefined);
        });
      }),
      { numRuns: 1500 },
    );
  });
  it('are read, or refused, also where they are no text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        readOrRefuse(() => parseManifest(bytes, undefined, 'x')),
      ),
    );
  });
  it('are refused where a digest is no string, whatever it is', () => {
    for (const digest of [undefined, null, 7, true, [], {}, { toString: null }]) {
      const document = { schemaVersion: 2, config: { mediaType: OCI_CONFIG, digest, size: 1 }, layers: [] };
      assert.throws(() => parseManifest(encode(document), OCI_MANIFEST, 'x'), {
        code: 'unsupported_image',
        message: /its config has no digest/,
      });
    }
  });
  it('are refused in time and memory where they are made to hurt', () => {
    const million = 1_000_000;
    for (const text of [
      '['.repeat(million) + ']'.repeat(million),
      '{"a":'.repeat(million / 2) + '1' + '}'.repeat(million / 2),
      `{"schemaVersion":2,"layers":[${'{},'.repeat(million)}{}]}`,
      `{"schemaVersion":2,"manifests":[${'0,'.repeat(2 * million)}0]}`,
      `{"schemaVersion":2,"mediaType":"${'\\u0000'.repeat(600_000)}"}`,
      `{"schemaVersion":2,"config":{"mediaType":"${OCI_CONFIG}","digest":"sha256:${'a'.repeat(3 * million)}"}}`,
    ]) {
      assert.throws(
        () => parseManifest(Buffer.from(text), OCI_MANIFEST, 'x'),
        (error: unknown) => error instanceof CacheError && error.message.length < 1000,
      );
    }
  });
});
