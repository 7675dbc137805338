import assert from 'node:assert/strict';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import {
  answering,
  bent,
  both,
  error,
  isByDigest,
  isHead,
  isManifest,
  JSON_TYPE,
  not,
} from './support/bending.ts';
import { type Case, runKind } from './support/kinds.ts';

const HARBOR = 'https://github.com/goharbor/harbor/issues/13825';
const RFC9110 = 'https://www.rfc-editor.org/rfc/rfc9110';
const POLICY = 'current image with 86 vulnerabilities cannot be pulled due to configured policy.';
const WRONG = `sha256:${'d'.repeat(64)}`;
const isGet = not(isHead);

function counts(most: number): NonNullable<Case['check']> {
  return ({ requests }) => assert.ok(requests.length <= most, `${requests.length} requests`);
}

runKind('what HEAD says, and what GET says', [
  ...[400, 402, 404, 405, 410, 412, 418, 451, 501].map((status): Case => ({
    input: `HEAD is answered ${status}, GET has the image`,
    why: 'other readers ask with GET where HEAD does not succeed',
    source: 'https://github.com/containerd/cri/issues/787',
    serve: (registry, repository) => bent(registry, repository, () => answering(isHead, { status })),
    right: 'ready',
  })),
  ...[402, 403, 412, 451].map((status): Case => ({
    input: `a policy refuses the image with ${status} and says why to GET`,
    why: 'the reason is what the caller needs, and asking again changes nothing',
    source: HARBOR,
    serve: (registry, repository) =>
      bent(registry, repository, () =>
        answering(isManifest, { status, headers: JSON_TYPE, body: error('PROJECTPOLICYVIOLATION', POLICY) }),
      ),
    right: { code: 'registry_denied', detail: /86 vulnerabilities/, retryable: false },
    check: counts(2),
  })),
  {
    input: '410 to HEAD and GET',
    why: 'what is gone is not found',
    source: `${RFC9110}#section-15.5.11`,
    serve: (registry, repository) => bent(registry, repository, () => answering(isManifest, { status: 410 })),
    right: { code: 'image_not_found', retryable: false },
    check: counts(2),
  },
  {
    input: '400 with the code MANIFEST_UNKNOWN',
    why: 'the code says what the status does not',
    source: 'https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes',
    serve: (registry, repository) =>
      bent(registry, repository, () =>
        answering(isManifest, { status: 400, headers: JSON_TYPE, body: error('MANIFEST_UNKNOWN') }),
      ),
    right: { code: 'image_not_found', retryable: false },
  },
  {
    input: 'a reason in plain text',
    why: 'a proxy that refuses writes no JSON',
    source: `${RFC9110}#section-15.5`,
    serve: (registry, repository) =>
      bent(registry, repository, () =>
        answering(isManifest, {
          status: 451,
          headers: { 'content-type': 'text/plain' },
          body: 'Not in this country.',
        }),
      ),
    right: { code: 'registry_denied', detail: /Not in this country/, retryable: false },
  },
  {
    input: 'HEAD names a digest that is not there',
    why: 'a header that nothing proves: by its tag the image can be had',
    source: 'https://github.com/moby/moby/issues/41687',
    serve: (registry, repository) =>
      bent(registry, repository, () => (request, response) => {
        if (isByDigest(request))
          return answering(isByDigest, { status: 404 })(request, response, {} as never);
        return answering(isHead, { headers: { 'docker-content-digest': WRONG } })(
          request,
          response,
          {} as never,
        );
      }),
    right: 'ready',
  },
  {
    input: 'manifests are not served by their digest',
    why: 'HEAD names the right one, and only the tag is served',
    source: 'https://github.com/tazjin/nixery/issues/102',
    serve: (registry, repository) => bent(registry, repository, () => answering(isByDigest, { status: 404 })),
    right: 'ready',
  },
  {
    input: 'manifests by digest are forbidden',
    why: 'as where a proxy allows tags only',
    source: 'https://github.com/opencontainers/distribution-spec/issues/207',
    serve: (registry, repository) => bent(registry, repository, () => answering(isByDigest, { status: 403 })),
    right: 'ready',
  },
  {
    input: 'the same digest twice in one answer',
    why: 'a header that is repeated with one value has that value',
    source: `${RFC9110}#section-5.3`,
    serve: (registry, repository) =>
      bent(registry, repository, ({ digest, manifest }) =>
        answering(isManifest, { headers: { 'docker-content-digest': [digest, digest] }, body: manifest }),
      ),
    right: 'ready',
    check: ({ requests }) =>
      assert.deepEqual(
        requests.slice(0, 2).map(({ method }) => method),
        ['HEAD', 'GET'],
      ),
  },
  {
    input: 'HEAD says two digests',
    why: 'headers that contradict each other say nothing',
    source: `${RFC9110}#section-5.3`,
    serve: (registry, repository) =>
      bent(registry, repository, ({ digest }) =>
        answering(isHead, { headers: { 'docker-content-digest': [digest, WRONG] } }),
      ),
    right: 'ready',
  },
  {
    input: 'a digest in the reference',
    why: 'one GET tells everything, and a HEAD would be one request more',
    source: 'https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests',
    serve: async (registry, repository) =>
      `${repository}@${(await registry.add(repository, undefined)).digest}`,
    right: 'ready',
    check: ({ requests }) => assert.equal(requests.filter(isManifest).length, 1),
  },
  {
    input: 'a digest that is not there',
    why: 'one GET is enough to say so',
    source: 'https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests',
    serve: (_registry, repository) => `${repository}@${WRONG}`,
    right: { code: 'image_not_found', retryable: false },
    check: counts(1),
  },
  {
    input: 'signed schema 1, whose digest is of its payload',
    why: 'the true reason is the format, and it is the same the next time',
    source: 'https://github.com/distribution/distribution/issues/3718',
    serve: (registry, repository) => {
      const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
      const headers = { 'content-type': type, 'docker-content-digest': WRONG };
      registry.on(
        repository,
        answering(isManifest, { headers, body: JSON.stringify({ schemaVersion: 1, signatures: [] }) }),
      );
    },
    right: { code: 'unsupported_image', detail: /schema 1/, retryable: false },
    check: async (seen) => {
      const { registry, repository } = seen;
      assert.equal((await seen.again()).failure?.code, 'unsupported_image');
      const pulls = registry.asked(repository).filter(isGet);
      assert.equal(pulls.length, 1, 'asking again is no counted pull');
    },
  },
  {
    input: 'an artifact, asked for twice',
    why: 'what was refused for its bytes costs no second pull',
    source: 'https://docs.docker.com/docker-hub/usage/pulls/',
    serve: (registry, repository) => {
      const config = { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: WRONG, size: 2 };
      registry.put({ schemaVersion: 2, config, layers: [] }, { tag: `${repository}:1` });
    },
    right: { code: 'unsupported_image', retryable: false },
    check: async (seen) => {
      const { registry, repository, runs } = seen;
      const pulls = (): number => registry.asked(repository).filter(both(isManifest, isGet)).length;
      assert.equal(pulls(), 1);
      await seen.again();
      assert.equal(pulls(), 1);
      assert.equal(runs.waits.length, 0);
    },
  },
  {
    input: 'a login page in place of a manifest',
    why: 'a captive portal or an expired session answers everything with 200',
    source: `${RFC9110}#section-15.3.1`,
    serve: (registry, repository) =>
      bent(registry, repository, () =>
        answering(isManifest, {
          headers: { 'content-type': 'text/html; charset=utf-8' },
          body: '<html>Sign in',
        }),
      ),
    right: {
      code: 'registry_unavailable',
      detail: /answered with a web page \(a login page, perhaps\)/,
      retryable: false,
    },
    check: counts(2),
  },
  {
    input: 'a redirect to a login page',
    why: 'the same, on another path',
    source: `${RFC9110}#section-15.4`,
    serve: (registry, repository) =>
      bent(registry, repository, () => (request, response) => {
        if (request.url.endsWith('/login'))
          response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
        else response.writeHead(302, { location: `/v2/${repository}/manifests/login` }).end();
        return true;
      }),
    right: { code: 'registry_unavailable', detail: /login page/, retryable: false },
    check: counts(4),
  },
  {
    input: '21 KB of headers',
    why: "Go's readers take a megabyte",
    source: 'https://github.com/actions/attest-build-provenance/issues/687',
    serve: (registry, repository) =>
      bent(registry, repository, ({ digest, manifest }) =>
        answering(isManifest, {
          headers: {
            'docker-content-digest': digest,
            'set-cookie': Array.from({ length: 21 }, (_, index) => `s${index}=${'v'.repeat(1000)}`),
          },
          body: manifest,
        }),
      ),
    right: 'ready',
  },
  {
    input: 'one header of 300 KB',
    why: "Go's readers take a megabyte",
    source: 'https://pkg.go.dev/net/http#pkg-constants',
    serve: (registry, repository) =>
      bent(registry, repository, ({ digest, manifest }) =>
        answering(isManifest, {
          headers: { 'docker-content-digest': digest, 'content-security-policy': 'x'.repeat(300_000) },
          body: manifest,
        }),
      ),
    right: 'ready',
  },
  ...(
    [
      ['gzip', gzipSync],
      ['x-gzip', gzipSync],
      ['deflate', deflateSync],
      ['deflate', deflateRawSync],
      ['br', brotliCompressSync],
      ['zstd', zstdCompressSync],
      ['identity', (bytes: Buffer) => bytes],
      ['gzip', (bytes: Buffer) => bytes],
    ] as const
  ).map(([coding, encode]): Case => ({
    input: `a manifest labelled ${coding}, encoded by ${encode.name === '' ? 'nothing' : encode.name}`,
    why: 'a coding belongs to the message; a digest is of what is inside, and a label proves nothing',
    source: `${RFC9110}#section-8.4`,
    serve: (registry, repository) =>
      bent(registry, repository, ({ digest, manifest }) =>
        answering(both(isManifest, isGet), {
          headers: { 'docker-content-digest': digest, 'content-encoding': coding },
          body: encode(manifest),
        }),
      ),
    right: 'ready',
  })),
  {
    input: 'a manifest encoded twice, without a digest header',
    why: 'what can be read decides where no digest does',
    source: `${RFC9110}#section-8.4`,
    serve: (registry, repository) =>
      bent(registry, repository, ({ manifest }) =>
        answering(isManifest, {
          headers: { 'content-encoding': 'deflate, gzip' },
          body: gzipSync(deflateSync(manifest)),
        }),
      ),
    right: 'ready',
  },
  {
    input: 'a manifest that is a bomb',
    why: 'no more is decoded than a manifest may have',
    source: `${RFC9110}#section-17.5`,
    serve: (registry, repository) =>
      bent(registry, repository, ({ digest }) =>
        answering(both(isManifest, isGet), {
          headers: { 'docker-content-digest': digest, 'content-encoding': 'gzip' },
          body: gzipSync(Buffer.alloc(64 * 1024 * 1024)),
        }),
      ),
    right: { code: 'unsupported_image', detail: /not JSON/, retryable: false },
  },
]);

runKind('registries that challenge at their root', [
  ...[403, 404].map((status): Case => ({
    input: `${status} until a token is shown, and a challenge at /v2/ only`,
    why: 'what is private is hidden until a reader signs in, as anybody may',
    source: 'https://github.com/containerd/containerd/issues/3291',
    serve: async (registry, repository) => {
      registry.on('', (request, response) => {
        const challenge = `Bearer realm="${registry.origin}/token",service="r"`;
        if (request.url === '/v2/') response.writeHead(401, { 'www-authenticate': challenge }).end();
        else response.writeHead(200, JSON_TYPE).end('{"token":"anybody"}');
        return true;
      });
      await bent(registry, repository, () =>
        answering(({ headers }) => headers.authorization !== 'Bearer anybody', { status }),
      );
    },
    right: 'ready',
    check: ({ registry }) =>
      assert.equal(registry.seen.filter(({ url }) => url === '/v2/').length, status === 403 ? 1 : 2),
  })),
]);
