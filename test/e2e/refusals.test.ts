import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { pushMatrix, pushSmall } from '../support/images.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { type Answer, startTestService, type TestService } from '../support/service.ts';
import { requireTools } from '../support/tools.ts';

const skip = requireTools('docker-registry', 'busybox', 'openssl');

/** What goes wrong is said at once, with the status and code of the design and a sentence that helps. */
describe('what cannot be cached', { skip }, () => {
  let open: Registry;
  let closed: Registry;
  let service: TestService;

  before(async () => {
    open = await startRegistry();
    closed = await startRegistry({ htpasswd: { someone: 'secret-password' } });
    await pushMatrix(open);
    await pushSmall(closed);
    service = await startTestService({
      INSECURE_REGISTRIES: `${open.host},${closed.host},127.0.0.1:1`,
      ALLOWED_REGISTRIES: `${open.host},${closed.host},127.0.0.1:1,*.invalid`,
    });
  });
  after(async () => {
    await service.close();
    await open.close();
    await closed.close();
  });

  const cases: [what: string, send: () => Promise<Answer>, status: number, code: string, says: RegExp][] = [
    [
      'an unknown repository',
      () => service.ask(`${open.host}/team/nope:1`),
      404,
      'image_not_found',
      /nope.*name/i,
    ],
    ['an unknown tag', () => service.ask(`${open.host}/matrix/oci:9`), 404, 'image_not_found', /:9 .*tag/],
    [
      'an unknown digest',
      () => service.ask(`${open.host}/matrix/oci@sha256:${'0'.repeat(64)}`),
      404,
      'image_not_found',
      /sha256:000/,
    ],
    [
      'no such host',
      () => service.ask('registry.invalid/x:1'),
      503,
      'registry_unavailable',
      /registry\.invalid/,
    ],
    ['a host that refuses', () => service.ask('127.0.0.1:1/x:1'), 202, '', /pending/],
    [
      'no credentials',
      () => service.ask(`${closed.host}/team/small:1`),
      403,
      'registry_denied',
      /DOCKER_AUTH_CONFIG/,
    ],
    [
      'a registry off the list',
      () => service.ask('ghcr.io/owner/name:1'),
      403,
      'registry_not_allowed',
      /ALLOWED_REGISTRIES/,
    ],
    [
      'a malformed reference',
      () => service.ask('Not A Reference'),
      400,
      'invalid_reference',
      /Not A Reference/,
    ],
    ['an empty reference', () => service.ask(''), 400, 'invalid_reference', /empty/],
    [
      'a malformed platform',
      () => service.ask('ubuntu', { platform: 'a/b/c/d' }),
      400,
      'invalid_request',
      /a\/b\/c\/d/,
    ],
    [
      'malformed JSON',
      () => service.request('POST', '/api/images', '{"image": '),
      400,
      'invalid_request',
      /not JSON/,
    ],
    [
      'a megabyte of garbage',
      () => service.request('POST', '/api/images', Buffer.alloc(1e6, 0xfe)),
      400,
      'invalid_request',
      /larger than/,
    ],
    ['no image', () => service.request('POST', '/api/images', {}), 400, 'invalid_request', /Send .*image/],
    ['no body', () => service.request('POST', '/api/images'), 400, 'invalid_request', /JSON/],
    [
      'a lookup of what is not cached',
      () => service.request('GET', '/api/lookup?image=ubuntu'),
      404,
      'image_not_cached',
      /POST/,
    ],
    [
      'a lookup without an image',
      () => service.request('GET', '/api/lookup'),
      400,
      'invalid_request',
      /\?image=/,
    ],
    [
      'a lookup that waits for ever',
      () => service.request('GET', '/api/lookup?image=ubuntu&wait=9999'),
      400,
      'invalid_request',
      /wait.*9999/,
    ],
    [
      'a lookup in an unknown format',
      () => service.request('GET', '/api/lookup?image=ubuntu&format=xml'),
      400,
      'invalid_request',
      /xml/,
    ],
    [
      'removing what is not cached',
      () => service.request('DELETE', '/api/images?image=ubuntu'),
      404,
      'image_not_cached',
      /nothing to remove/,
    ],
  ];
  for (const [what, send, status, code, says] of cases) {
    it(`${what}: ${status} ${code}`, async () => {
      const answer = await send();
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.text, says);
      if (status < 400) return;
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      assert.equal(answer.body.code, code);
      assertNothingLeaks(answer.text);
    });
  }

  it('an artifact that is no image: found out by the run, and said by state and lookup', async () => {
    const image = `${open.host}/matrix/artifact:1`;
    assert.equal((await service.ask(image)).status, 202);
    const last = (await service.watch(image)).at(-1);
    assert.equal(last?.state, 'failed');
    assert.equal(last.error?.code, 'unsupported_image');
    assert.match(last.error.detail, /OCI artifact of type application\/vnd\.example\.chart/);
    const { status, body, text } = await service.request('GET', `/api/lookup?image=${image}`);
    assert.equal(status, 424);
    assert.equal(body.code, 'image_cache_failed');
    assert.match(text, /OCI artifact/);
    assertNothingLeaks(text);
  });

  it('a list: each image answered in its place, the first problem as the answer', async () => {
    const images = [`${open.host}/matrix/oci:1`, 'Bad Name', `${open.host}/team/nope:1`];
    const { status, body } = await service.request('POST', '/api/images', { images });
    assert.equal(status, 400);
    assert.equal(body.code, 'invalid_reference');
    assert.deepEqual(
      body.images?.map(({ state, requested }) => ({ state, requested })),
      [
        { state: 'pending', requested: images[0] },
        { state: 'failed', requested: images[1] },
        { state: 'failed', requested: images[2] },
      ],
    );
  });
});

function assertNothingLeaks(text: string): void {
  assert.doesNotMatch(text, /secret-password|\bat .*\.ts:\d|node_modules|sig=|AccountKey/);
}
