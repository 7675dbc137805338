import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { billOfMaterials, checkBillOfMaterials } from '../../release/billOfMaterials.ts';
import type { BundledPackage } from '../../release/bundledPackages.ts';

const SUBJECT = { name: 'app', version: '1.2.3', description: 'An app', license: 'MIT' };
const A: BundledPackage = {
  folder: 'node_modules/@s/a',
  name: '@s/a',
  version: '1.0.0',
  license: 'MIT',
  integrity: `sha512-${Buffer.alloc(64, 1).toString('base64')}`,
  imports: ['node_modules/b'],
};
const B: BundledPackage = { ...A, folder: 'node_modules/b', name: 'b', license: 'MIT OR ISC', imports: [] };

interface Document {
  readonly components: Readonly<Record<string, unknown>>[];
  readonly dependencies: { readonly ref: string; readonly dependsOn?: string[] }[];
  readonly metadata: { readonly timestamp?: string };
}

function documentOf(...args: Parameters<typeof billOfMaterials>): Document {
  return JSON.parse(billOfMaterials(...args)) as Document;
}

describe('billOfMaterials', () => {
  it('names each package with its license and the hash of its tarball', () => {
    const { components } = documentOf(SUBJECT, [A, B], [A.folder]);
    assert.deepEqual(components, [
      {
        type: 'library',
        group: '@s',
        name: 'a',
        version: '1.0.0',
        'bom-ref': 'node_modules/@s/a',
        purl: 'pkg:npm/%40s/a@1.0.0',
        licenses: [{ license: { id: 'MIT', acknowledgement: 'declared' } }],
        externalReferences: [
          {
            type: 'distribution',
            url: 'https://registry.npmjs.org/@s/a/-/a-1.0.0.tgz',
            hashes: [{ alg: 'SHA-512', content: '01'.repeat(64) }],
          },
        ],
      },
      {
        type: 'library',
        name: 'b',
        version: '1.0.0',
        'bom-ref': 'node_modules/b',
        purl: 'pkg:npm/b@1.0.0',
        licenses: [{ expression: 'MIT OR ISC', acknowledgement: 'declared' }],
        externalReferences: [
          {
            type: 'distribution',
            url: 'https://registry.npmjs.org/b/-/b-1.0.0.tgz',
            hashes: [{ alg: 'SHA-512', content: '01'.repeat(64) }],
          },
        ],
      },
    ]);
  });

  it('says what depends on what', () => {
    const { dependencies } = documentOf(SUBJECT, [A, B], [A.folder]);
    assert.deepEqual(dependencies, [
      { ref: 'node_modules/@s/a', dependsOn: ['node_modules/b'] },
      { ref: 'node_modules/b' },
      { ref: 'pkg:npm/app@1.2.3', dependsOn: ['node_modules/@s/a'] },
    ]);
  });

  it('is the same for the same packages in another order', () => {
    assert.equal(billOfMaterials(SUBJECT, [A, B], [A.folder]), billOfMaterials(SUBJECT, [B, A], [A.folder]));
  });

  it('knows no time but that of the commit', () => {
    assert.equal(documentOf(SUBJECT, [A], []).metadata.timestamp, undefined);
    const { metadata } = documentOf({ ...SUBJECT, committed: new Date(0) }, [A], []);
    assert.equal(metadata.timestamp, '1970-01-01T00:00:00.000Z');
  });

  for (const integrity of ['sha1-aaaa', 'sha512-AAAA', ''])
    it(`refuses an integrity that is no sha512: "${integrity}"`, () => {
      assert.throws(
        () => billOfMaterials(SUBJECT, [{ ...A, integrity }], []),
        new RegExp(`"${integrity}" for node_modules/@s/a; it must be one sha512`),
      );
    });

  it('is valid CycloneDX, which is checked', async () => {
    const json = billOfMaterials({ ...SUBJECT, committed: new Date(0) }, [A, B], [A.folder]);
    await checkBillOfMaterials(json);
    await assert.rejects(
      checkBillOfMaterials(json.replace('"library"', '"libary"')),
      /not valid CycloneDX: .*components\/0\/type/,
    );
  });
});
