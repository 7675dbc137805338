import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CacheError } from '../../src/errors.ts';
import { chooseEntry } from '../../src/image/choosePlatform.ts';
import { matchesDigest, parseDigest, sha256Of } from '../../src/image/digest.ts';
import { parseImageConfig } from '../../src/image/imageConfig.ts';
import { type ImageManifest, parseManifest } from '../../src/image/manifest.ts';
import { layerCompression, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../src/image/mediaTypes.ts';
import { formatPlatform, normalisePlatform, parsePlatform, platformScore } from '../../src/image/platform.ts';

const digest = sha256Of('x');
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const manifest = {
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: { mediaType: OCI_CONFIG, digest, size: 10 },
  layers: [
    { mediaType: LAYER, digest, size: 5, urls: ['https://example.com'], data: 'eA==' },
    { mediaType: LAYER, digest, size: 6, annotations: { a: 'b' } },
  ],
};
const index = {
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
const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [digest, digest] } };

/** A document with some of its parts replaced by anything, at any depth. */
function mutated(document: unknown): fc.Arbitrary<unknown> {
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
function readOrRefuse(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof CacheError, String(error instanceof Error ? error.stack : error));
    assert.equal(error.code, 'unsupported_image');
    assert.match(error.message, /^[\x20-\x7e]{1,1000}$/);
  }
}
const encode = (document: unknown): Buffer => Buffer.from(JSON.stringify(document));

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
          if (parsed.kind === 'index') chooseEntry(parsed, parsePlatform('linux/amd64'), 'x');
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

describe('configs, whatever a registry sends', () => {
  const parsed = parseManifest(encode(manifest), OCI_MANIFEST, 'x') as ImageManifest;
  it('are read, or refused in few and printable words', () => {
    assert.equal(formatPlatform(parseImageConfig(encode(config), parsed, 'x').platform), 'linux/amd64');
    fc.assert(
      fc.property(mutated(config), (document) => {
        readOrRefuse(() => {
          const { platform } = parseImageConfig(encode(document), parsed, 'x');
          assert.match(formatPlatform(platform), /^[a-z0-9_./-]+$/, 'it goes into metadata');
        });
      }),
      { numRuns: 800 },
    );
  });
});

describe('platforms', () => {
  const platform = fc.record(
    {
      os: fc.constantFrom('linux', 'windows'),
      architecture: fc.constantFrom('amd64', 'arm64', 'arm', 'x86_64', 'aarch64', '386', 'riscv64'),
      variant: fc.constantFrom('v1', 'v2', 'v3', 'v5', 'v6', 'v7', 'v8', '8', 'odd'),
    },
    { requiredKeys: ['os', 'architecture'] },
  );
  it('are normal once they are normalised, and are read back as they are written', () => {
    fc.assert(
      fc.property(platform, (one) => {
        const normal = normalisePlatform(one);
        assert.deepEqual(normalisePlatform(normal), normal);
        assert.deepEqual(normalisePlatform(parsePlatform(formatPlatform(normal))), normal);
      }),
    );
  });
  it('run what was built for them, and of that the best', () => {
    fc.assert(
      fc.property(platform, platform, (wanted, other) => {
        const own = platformScore(wanted, wanted);
        assert.ok(own > 0);
        assert.ok(platformScore(wanted, other) <= own);
      }),
    );
  });
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
        chooseEntry({ kind: 'index', mediaType: OCI_INDEX, manifests }, parsePlatform(wanted), 'x').size;
      if (chosen === undefined) assert.throws(choose, { code: 'unsupported_image' });
      else assert.equal(choose(), chosen);
    });
  }
});

describe('digests', () => {
  it('are read, or refused in few and printable words', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.throws(() => parseDigest(text), {
          code: 'invalid_reference',
          message: /^[\x20-\x7e]{1,400}$/,
        });
      }),
    );
  });
  it('match their bytes and no others', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (one, other) => {
        assert.ok(matchesDigest(one, sha256Of(one)));
        assert.equal(matchesDigest(one, sha256Of(other)), Buffer.compare(one, other) === 0);
      }),
    );
  });
});
