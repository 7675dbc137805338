import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CacheError } from '../../src/errors.ts';
import {
  canonicalReference,
  familiarName,
  type ImageReference,
  parseReference,
  runReference,
} from '../../src/image/reference.ts';
import { anyText } from '../support/anyText.ts';

const HEX = 'a'.repeat(64);

describe('parseReference', () => {
  for (const [text, canonical] of [
    ['ubuntu', 'docker.io/library/ubuntu:latest'],
    ['ubuntu:24.04', 'docker.io/library/ubuntu:24.04'],
    ['broadinstitute/gatk', 'docker.io/broadinstitute/gatk:latest'],
    ['docker.io/ubuntu', 'docker.io/library/ubuntu:latest'],
    ['index.docker.io/library/ubuntu', 'docker.io/library/ubuntu:latest'],
    ['registry-1.docker.io/a/b:c', 'docker.io/a/b:c'],
    ['GHCR.io/owner/name', 'ghcr.io/owner/name:latest'],
    ['localhost/a', 'localhost/a:latest'],
    // Without a slash it is an image of that name.
    ['ghcr.io', 'docker.io/library/ghcr.io:latest'],
    ['localhost:5000/a/b/c:1', 'localhost:5000/a/b/c:1'],
    ['[::1]:5000/a', '[::1]:5000/a:latest'],
    ['quay.io/biocontainers/samtools:1.21--h50ea8bc_0', 'quay.io/biocontainers/samtools:1.21--h50ea8bc_0'],
    [`ubuntu@sha256:${HEX}`, `docker.io/library/ubuntu@sha256:${HEX}`],
    [`ubuntu:1@sha256:${HEX}`, `docker.io/library/ubuntu:1@sha256:${HEX}`],
    ['a/b_c__d-e---f.g', 'docker.io/a/b_c__d-e---f.g:latest'],
  ] as const) {
    it(`reads ${text}`, () => assert.equal(canonicalReference(parseReference(text)), canonical));
  }

  for (const text of [
    '',
    ' ubuntu',
    'ubuntu ',
    'Ubuntu',
    'https://ghcr.io/a/b',
    'a//b',
    '/a',
    'a/',
    'a/../b',
    '../a',
    'a/./b',
    'ghcr.io/',
    'a:b:c',
    'a:-x',
    `a:${'x'.repeat(129)}`,
    `${'a/'.repeat(150)}b`,
    'a@sha256:short',
    `a@sha256:${HEX}@sha256:${HEX}`,
    `a@md5:${HEX}`,
    `a@sha256:${HEX.toUpperCase()}`,
    'host:0/a',
    'host:70000/a',
    'user@host.com/a',
    'a%2fb',
    'a?b',
    'a#b',
    'a\\b',
    'a\nb',
    'a\0b',
    '-a.com/b',
    '[::1/a',
    'ghcr.io:443:80/a',
    'ünï.example/a',
    'a.0/b', // no host by https://url.spec.whatwg.org: what ends in a number is an IPv4 address
  ]) {
    it(`refuses ${JSON.stringify(text).slice(0, 60)}`, () => {
      assert.throws(() => parseReference(text), { code: 'invalid_reference' });
    });
  }
});

const component = fc.stringMatching(/^[a-z0-9]{1,6}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,6}){0,2}$/);
const host = fc.oneof(
  fc.constantFrom('docker.io', 'ghcr.io', 'localhost', 'localhost:5000', '[::1]:5000', '10.0.0.1:80'),
  fc.stringMatching(/^[a-z0-9]{1,8}(?:\.[a-z0-9]{1,8}){0,2}\.[a-z][a-z0-9]{0,6}(?::[1-9][0-9]{0,3})?$/),
);
const reference: fc.Arbitrary<ImageReference> = fc
  .record({
    registry: host,
    path: fc.array(component, { minLength: 1, maxLength: 4 }),
    tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/), { nil: undefined }),
    digest: fc.option(fc.constant(`sha256:${HEX}` as const), { nil: undefined }),
  })
  .map(({ registry, path, tag, digest }) => ({
    registry,
    repository: (registry === 'docker.io' && path.length === 1 ? ['library', ...path] : path).join('/'),
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
    ...(tag === undefined && digest === undefined && { tag: 'latest' }),
  }));
/** Strings that look like references more often than chance would have it. */
const almost = fc
  .array(
    fc.oneof(
      component,
      fc.constantFrom('/', ':', '@', '.', '..', '//', '[', ']', '%2f', '\\', '\0', 'A', 'sha256:'),
    ),
  )
  .map((parts) => parts.join(''));

describe('references, whatever they are', () => {
  it('survive being written and read', () => {
    fc.assert(
      fc.property(reference, (ref) => assert.deepEqual(parseReference(canonicalReference(ref)), ref)),
    );
  });
  it('are still themselves in the short form that Docker prints', () => {
    fc.assert(
      fc.property(reference, ({ registry, repository }) => {
        const read = parseReference(familiarName({ registry, repository }));
        assert.deepEqual([read.registry, read.repository], [registry, repository]);
        const run = parseReference(runReference({ registry, repository }, `sha256:${HEX}`));
        assert.deepEqual([run.repository, run.tag], [repository, `sha256-${HEX}`]);
      }),
    );
  });
  it('are read, or refused in few and printable words', () => {
    fc.assert(
      fc.property(fc.oneof(almost, anyText(700)), (text) => {
        try {
          parseReference(text);
        } catch (error) {
          assert.ok(error instanceof CacheError && error.code === 'invalid_reference', String(error));
          assert.match(error.message, /^[\x20-\x7e]{1,700}$/);
        }
      }),
      { numRuns: 1000 },
    );
  });
  it('lead to that host and below that path, and nowhere else', () => {
    fc.assert(
      fc.property(fc.oneof(almost, reference.map(canonicalReference)), (text) => {
        let ref: ImageReference;
        try {
          ref = parseReference(text);
        } catch {
          return;
        }
        const url = new URL(`https://${ref.registry}/v2/${ref.repository}/manifests/${ref.tag ?? 'x'}`);
        assert.equal(url.pathname, `/v2/${ref.repository}/manifests/${ref.tag ?? 'x'}`);
        assert.equal(url.search + url.hash + url.username, '');
        assert.ok(!ref.repository.split('/').some((part) => part === '' || part.startsWith('.')));
      }),
      { numRuns: 1000 },
    );
  });
});
