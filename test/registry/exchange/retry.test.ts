import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { CacheError } from '../../../src/errors.ts';
import { readQuota } from '../../../src/registry/exchange/quota.ts';
import { transientReason } from '../../../src/registry/exchange/retry.ts';
import { parseRetryAfter } from '../../../src/registry/exchange/retryAfter.ts';
import { clientSettings } from '../support/clientSettings.ts';
import { type FakeRegistry, startFakeRegistry } from '../support/fakeRegistry.ts';
import { sampleImage } from '../support/samples.ts';

const image = sampleImage([1000]);

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  for (const [header, milliseconds] of [
    ['45', 45_000],
    [' 0 ', 0],
    ['0.5', 500],
    ['Sun, 22 Nov 2026 10:00:45 GMT', 45_000],
    ['Sunday, 22-Nov-26 10:01:00 GMT', 60_000],
    ['Sun, 22 Nov 2026 09:00:00 GMT', 0], // a clock that is behind
    [String(now / 1000 + 90), 90_000], // Docker Hub's Unix time
    ['99999999', 7 * 24 * 3600_000],
    ['soon', undefined],
    ['2026-11-22', undefined],
    ['-5', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    it(`reads ${String(header)}`, () => assert.equal(parseRetryAfter(header, now), milliseconds));
  }
  it('reads anything as a bounded wait or none', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const wait = parseRetryAfter(header, now);
        assert.ok(wait === undefined || (wait >= 0 && wait <= 7 * 24 * 3600_000));
      }),
    );
  });
});

describe('readQuota', () => {
  it("reads Docker Hub's headers", () => {
    const headers = {
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '76;w=21600',
      'docker-ratelimit-source': '203.0.113.7',
    };
    assert.deepEqual(readQuota(headers), {
      limit: 100,
      remaining: 76,
      windowSeconds: 21600,
      source: '203.0.113.7',
    });
  });
  it('reads nothing where there is nothing', () => {
    assert.equal(readQuota({}), undefined);
    assert.equal(readQuota({ 'ratelimit-limit': '100', 'ratelimit-remaining': 'many' }), undefined);
  });
});

describe('a registry that limits or fails', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await startFakeRegistry(image);
  });
  afterEach(() => registry.close());

  /** Answers so the first `times`, and counts. */
  function failing(times: number, status: number, headers: OutgoingHttpHeaders = {}, body = ''): void {
    let left = times;
    registry.misbehave = (_request, response) => {
      if (left-- <= 0) return false;
      response.writeHead(status, headers).end(body);
      return true;
    };
  }
  async function rejection(attempt: Promise<unknown>): Promise<CacheError> {
    const error = await attempt.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof CacheError, String(error));
    return error;
  }

  for (const status of [408, 425, 429, 499, 500, 502, 503, 504, 520, 522, 524]) {
    it(`is asked again after ${status}`, async () => {
      assert.ok(transientReason(status) !== undefined);
      failing(2, status);
      await registry.client.getManifest(registry.ref());
      assert.equal(registry.seen.length, 3);
      assert.equal(registry.events.filter(({ type }) => type === 'retry').length, 2);
    });
  }
  for (const [status, code] of [
    [400, 'registry_unavailable'],
    [403, 'registry_denied'],
    [404, 'image_not_found'],
    [418, 'registry_unavailable'],
  ] as const) {
    it(`is not asked again after ${status}`, async () => {
      failing(9, status);
      const error = await rejection(registry.client.getManifest(registry.ref()));
      assert.equal(error.code, code);
      assert.equal(error.retryable, false);
      assert.equal(registry.seen.length, 1);
    });
  }

  it('is left alone for as long as it asks, if that is short', async () => {
    failing(1, 503, { 'retry-after': '1' });
    await registry.client.getManifest(registry.ref());
    const [retry] = registry.events.filter((event) => event.type === 'retry');
    assert.equal(retry?.waitMs, 1000);
  });

  for (const [form, header] of [
    ['in seconds', (): string => '45'],
    ['as a date', (): string => new Date(Date.now() + 45_000).toUTCString()],
    ['in Unix time', (): string => String(Math.round(Date.now() / 1000) + 45)],
  ] as const) {
    it(`leaves a long wait, ${form}, to the caller`, async () => {
      failing(9, 429, { 'retry-after': header() });
      const error = await rejection(registry.client.getManifest(registry.ref()));
      assert.equal(error.code, 'registry_throttled');
      assert.equal(error.retryable, true);
      const seconds = error.retryAfterSeconds ?? 0;
      assert.ok(seconds > 40 && seconds <= 46, String(seconds));
      assert.equal(registry.seen.length, 1);
      // Whoever else wants something from this host is told without asking it.
      const other = await rejection(registry.client.resolveManifest(registry.ref('other/image')));
      assert.equal(other.code, 'registry_throttled');
      assert.equal(registry.seen.length, 1);
    });
  }

  it('names a minute where a throttling registry names nothing', async () => {
    failing(9, 429);
    const error = await rejection(registry.client.getManifest(registry.ref()));
    assert.equal(error.code, 'registry_throttled');
    assert.equal(error.retryAfterSeconds, 60);
    assert.equal(registry.seen.length, 4, 'after its own short tries');
  });

  it("does not burn tries on Docker Hub's spent quota, and says what is left", async () => {
    failing(
      9,
      429,
      { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' },
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}',
    );
    const error = await rejection(registry.client.getManifest(registry.ref()));
    assert.equal(error.code, 'registry_throttled');
    assert.ok((error.retryAfterSeconds ?? 0) >= 600);
    assert.match(error.message, /0 of 100 pulls left in 6 h/);
    assert.match(error.message, /DOCKER_AUTH_CONFIG/);
    assert.equal(registry.seen.length, 1);
  });

  it('tells the quota to the log', async () => {
    registry.misbehave = (_request, response) => {
      response.setHeader('ratelimit-limit', '100;w=21600');
      response.setHeader('ratelimit-remaining', '7;w=21600');
      return false;
    };
    await registry.client.getManifest(registry.ref());
    assert.deepEqual(
      registry.events.filter((event) => event.type === 'quota').map(({ quota }) => quota),
      [{ limit: 100, remaining: 7, windowSeconds: 21600 }],
    );
  });

  it("shows the registry's warnings once", async () => {
    registry.misbehave = (_request, response) => {
      response.setHeader('warning', '299 - "this image is end of life"');
      return false;
    };
    await registry.client.resolveManifest(registry.ref());
    await registry.client.getManifest(registry.ref());
    assert.deepEqual(
      registry.events.filter((event) => event.type === 'warning').map(({ text }) => text),
      ['this image is end of life'],
    );
  });

  it('gets no more than sixteen connections', async () => {
    let open = 0;
    let most = 0;
    registry.misbehave = async (_request, response) => {
      open += 1;
      most = Math.max(most, open);
      await new Promise((resolve) => setTimeout(resolve, 30));
      open -= 1;
      response.setHeader('x-done', '1');
      return false;
    };
    await Promise.all(Array.from({ length: 60 }, () => registry.client.resolveManifest(registry.ref())));
    assert.ok(most <= 16 && most > 8, String(most));
  });
});

describe('resolveManifest', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await startFakeRegistry(image);
  });
  afterEach(() => registry.close());

  for (const status of [405, 403, 400]) {
    it(`fetches the manifest where HEAD is answered ${status}, and hands it on`, async () => {
      registry.misbehave = (request, response) => {
        if (request.method !== 'HEAD') return false;
        response.writeHead(status).end();
        return true;
      };
      const { digest, document } = await registry.client.resolveManifest(registry.ref());
      assert.equal(digest, image.manifestDigest);
      assert.deepEqual(Buffer.from(document?.bytes ?? []), image.manifest);
    });
  }
  it('fetches the manifest where HEAD names no digest', async () => {
    registry.misbehave = (request, response) => {
      if (request.method !== 'HEAD') return false;
      response.writeHead(200, { 'docker-content-digest': 'sha256:short' }).end();
      return true;
    };
    assert.equal((await registry.client.resolveManifest(registry.ref())).digest, image.manifestDigest);
  });
  it("quotes the registry's reason, which only GET has", async () => {
    registry.misbehave = (request, response) => {
      response.writeHead(403);
      response.end(
        request.method === 'HEAD' ? '' : '{"errors":[{"code":"DENIED","message":"ask the owner\\u0007"}]}',
      );
      return true;
    };
    await assert.rejects(registry.client.resolveManifest(registry.ref()), {
      code: 'registry_denied',
      message: /"DENIED: ask the owner ".*DOCKER_AUTH_CONFIG/,
    });
  });
});

describe('getManifest', () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await startFakeRegistry(image);
  });
  afterEach(() => registry.close());

  it('refuses other bytes than the digest names', async () => {
    const other = sampleImage([10]).manifestDigest;
    await assert.rejects(registry.client.getManifest(registry.ref(), other), { code: 'digest_mismatch' });
  });
  it('takes the bytes of a tag whatever digest the header claims', async () => {
    registry.misbehave = (request, response) => {
      if (!request.url.includes('manifests')) return false;
      response.writeHead(200, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }).end(image.manifest);
      return true;
    };
    assert.equal((await registry.client.getManifest(registry.ref())).digest, image.manifestDigest);
    assert.equal(registry.seen.length, 2, 'asked twice: damage would not be the same');
  });
  for (const [what, headers] of [
    ['that its header tells', { 'docker-content-digest': image.manifestDigest }],
    ['that only its form tells', {}],
  ] as const) {
    it(`does not take a tag's damaged manifest for another image: damage ${what}`, async () => {
      let damaged = 0;
      registry.misbehave = (_request, response) => {
        if (damaged++ === 2) return false;
        const bytes = Buffer.from(image.manifest);
        bytes[damaged] = 0;
        response.writeHead(200, headers).end(bytes);
        return true;
      };
      assert.equal((await registry.client.getManifest(registry.ref())).digest, image.manifestDigest);
    });
  }
  it('does not take an empty answer for a manifest, however often it comes', async () => {
    registry.misbehave = (_request, response) => {
      response.writeHead(200).end();
      return true;
    };
    await assert.rejects(registry.client.getManifest(registry.ref()), { code: 'registry_unavailable' });
  });
  it('says so where a timeout of the caller ends it', async () => {
    registry.misbehave = () => true;
    const soon = AbortSignal.timeout(50);
    await assert.rejects(registry.client.resolveManifest(registry.ref(), soon), {
      code: 'registry_unavailable',
      message: /did not answer in time/,
    });
  });
  it('stops at 4 MiB', async () => {
    let sent = 0;
    registry.misbehave = (_request, response) => {
      const write = (): void => {
        while (!response.destroyed && sent < 64 * 1024 * 1024) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536, 32))) {
            response.once('drain', write);
            return;
          }
        }
        response.end();
      };
      write();
      return true;
    };
    await assert.rejects(registry.client.getManifest(registry.ref()), {
      code: 'unsupported_image',
      message: /larger than 4194304 bytes/,
    });
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes were sent`);
  });
  it('does not wait for a manifest that drips', async () => {
    registry.misbehave = (_request, response) => {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
      return true;
    };
    await assert.rejects(registry.client.getManifest(registry.ref()), { code: 'registry_unavailable' });
  });
  it('stops when the caller stops', async () => {
    const abort = new AbortController();
    registry.misbehave = () => {
      abort.abort(new Error('enough'));
      return true;
    };
    await assert.rejects(registry.client.getManifest(registry.ref(), undefined, abort.signal), {
      message: 'enough',
    });
  });
});

describe('a registry that is not there', () => {
  it('is named with the reason', async () => {
    const registry = await startFakeRegistry(image, {
      lookup: (host) => Promise.reject(Object.assign(new Error(host), { code: 'ENOTFOUND' })),
    });
    const ref = { registry: 'no-such-host.example', repository: 'a/b', tag: '1' };
    await assert.rejects(registry.client.resolveManifest(ref), {
      code: 'registry_unavailable',
      retryable: false,
      message: /no-such-host\.example could not be used: no such host/,
    });
    const gone = registry.ref();
    await registry.close();
    const again = await startFakeRegistry(image, clientSettings({ insecure: [gone.registry] }));
    await assert.rejects(again.client.resolveManifest(gone), {
      code: 'registry_unavailable',
      retryable: true,
      message: /refused/,
    });
    await again.close();
  });
  it('is told apart from one that does not speak TLS', async () => {
    const registry = await startFakeRegistry(image);
    registry.misbehave = (_request, response) => {
      response.writeHead(307, { location: `https://${registry.host}/` }).end();
      return true;
    };
    await assert.rejects(registry.client.resolveManifest(registry.ref()), {
      code: 'registry_unavailable',
      retryable: false,
      message: /INSECURE_REGISTRIES/,
    });
    await registry.close();
  });
});
