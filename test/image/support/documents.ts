import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CacheError } from '../../../src/errors.ts';
import { sha256Of } from '../../../src/image/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../../src/image/mediaTypes.ts';

export const digest = sha256Of('x');
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** A manifest of two layers, with all that a descriptor may carry. */
export const manifest = {
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: { mediaType: OCI_CONFIG, digest, size: 10 },
  layers: [
    { mediaType: LAYER, digest, size: 10, urls: ['https://example.com'], data: 'eA==' },
    { mediaType: LAYER, digest, size: 10, annotations: { a: 'b' } },
  ],
};
/** An index of two platforms and another index. */
export const index = {
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests: [
    { mediaType: OCI_MANIFEST, digest, size: 1, platform: { os: 'linux', architecture: 'amd64' } },
    {
      mediaType: OCI_MANIFEST,
      digest,
      size: 1,
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
    },
    { mediaType: OCI_INDEX, digest, size: 1 },
  ],
};

export const encode = (document: unknown): Buffer => Buffer.from(JSON.stringify(document));

/** A document with some of its parts replaced by anything, at any depth. */
export function mutated(document: unknown): fc.Arbitrary<unknown> {
  const hostile = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(null, -1, 1e308, '', '\0\u001b[31m', 'x'.repeat(5000), [], {}, digest, OCI_INDEX, {
      __proto__: null,
    }),
  );
  const keep = fc.constant(document);
  if (Array.isArray(document)) {
    const parts = document.map((part) => mutated(part));
    return fc.oneof({ weight: 8, arbitrary: fc.tuple(...parts) }, { weight: 1, arbitrary: hostile });
  }
  if (typeof document === 'object' && document !== null) {
    const fields = Object.fromEntries(
      Object.entries(document).map(([name, value]) => [name, mutated(value)]),
    );
    return fc.oneof(
      { weight: 8, arbitrary: fc.record(fields, { requiredKeys: [] }) },
      { weight: 6, arbitrary: fc.record(fields) },
      { weight: 1, arbitrary: hostile },
    );
  }
  return fc.oneof({ weight: 12, arbitrary: keep }, { weight: 1, arbitrary: hostile });
}

/** Runs a reader on hostile input: an answer, or a refusal that is fit to be shown. */
export function readOrRefuse(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof CacheError, String(error instanceof Error ? error.stack : error));
    assert.equal(error.code, 'unsupported_image');
    assert.match(error.message, /^[\x20-\x7e]{1,1000}$/);
  }
}
