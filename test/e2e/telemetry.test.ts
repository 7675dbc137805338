import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ServiceEvent } from '../../src/telemetry/serviceEvents.ts';
import { type RunningApp, startApp } from '../functions/support/app.ts';
import { serve, type TestServer } from '../registry/support/server.ts';
import { ARM64, type LoopbackRegistry } from '../runs/support/loopbackRegistry.ts';
import { setLastUsed } from '../runs/support/rig.ts';
import { eventually } from '../support/eventually.ts';
import { must } from '../support/process.ts';
import { labelsOf, type OtlpReceiver, startOtlpReceiver } from '../telemetry/support/otlpReceiver.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Each is handed to the app or by it, and must come to nobody who watches. */
const PASSWORD = `pass-${randomBytes(12).toString('hex')}`;
const OTLP_KEY = `otlp-${randomBytes(12).toString('hex')}`;
const FUNCTION_KEY = `key-${randomBytes(12).toString('hex')}`;
const BLOB_SIGNATURE = `sig-${randomBytes(12).toString('hex')}`;

const TRACE = randomBytes(16).toString('hex');
const LOST_TRACE = randomBytes(16).toString('hex');
const OTHER_TRACE = randomBytes(16).toString('hex');
const CALLER = randomBytes(8).toString('hex');

/** https://opentelemetry.io/docs/specs/otel/trace/api/#set-status, as OTLP numbers it */
const SPAN_FAILED = 2;

/** An hour: what is seen was sent because the app ended. */
const NEVER = '3600000';

for (const kind of ['the sources', 'the bundle'] as const) {
  describe(`telemetry of ${kind}, over a whole image's life`, () => {
    let receiver: OtlpReceiver;
    let signed: TestServer;
    let app: RunningApp;
    let registry: LoopbackRegistry;
    let events: ServiceEvent[] = [];
    let lostLayer = '';
    const secrets = [PASSWORD, OTLP_KEY, FUNCTION_KEY, BLOB_SIGNATURE];

    const post = (image: string, trace: string): Promise<Response> =>
      fetch(`${app.url}/api/images?code=${FUNCTION_KEY}`, {
        method: 'POST',
        body: JSON.stringify({ image }),
        headers: {
          'content-type': 'application/json',
          'x-functions-key': FUNCTION_KEY,
          traceparent: `00-${trace}-${CALLER}-00`,
        },
      });
    const of = <T extends ServiceEvent['type']>(type: T): Extract<ServiceEvent, { type: T }>[] =>
      events.filter((event): event is Extract<ServiceEvent, { type: T }> => event.type === type);

    before(async () => {
      if (kind === 'the bundle') await must([process.execPath, path.join(ROOT, 'build.mjs')], { cwd: ROOT });
      receiver = await startOtlpReceiver();
      // A storage that wants the signature that the registry's redirects have.
      signed = await serve(({ url }, response) => {
        const bytes = registry.blobs.get(url.slice(1).replace(/\?.*$/s, ''));
        if (!url.includes(BLOB_SIGNATURE) || bytes === undefined) return response.writeHead(403).end();
        return response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      });
      app = await startApp(1, {
        ...(kind === 'the bundle' && { entry: path.join(ROOT, 'dist/main.cjs') }),
        env: ([only]) => ({
          TELEMETRY: 'otlp',
          OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
          OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${OTLP_KEY}`,
          OTEL_METRIC_EXPORT_INTERVAL: NEVER,
          OTEL_BSP_SCHEDULE_DELAY: NEVER,
          OTEL_SERVICE_NAME: 'cache-of-the-test',
          PRUNE_AFTER_DAYS: '0',
          INSECURE_REGISTRIES: [...(only?.hosts ?? []), signed.host].join('+'),
          DOCKER_AUTH_CONFIG: JSON.stringify({
            auths: { [only?.host ?? '']: { username: 'robot', password: PASSWORD } },
          }),
        }),
      });
      registry = app.registries[0] ?? assert.fail();
      registry.misbehave = ({ url, headers }, response) => {
        if (headers.authorization === undefined) {
          response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
          return true;
        }
        const [, digest] = /\/large\/blobs\/(.+)$/.exec(url) ?? [];
        if (digest !== undefined && !url.includes('config')) {
          response.writeHead(307, { location: `${signed.origin}/${digest}?sig=${BLOB_SIGNATURE}` }).end();
          return true;
        }
        if (lostLayer !== '' && url.endsWith(lostLayer)) {
          response.writeHead(404).end();
          return true;
        }
        if (!url.includes('/throttled/manifests/')) return false;
        response.writeHead(429, { 'retry-after': '45' }).end();
        return true;
      };
      await live();
      await app.close();
      await signed.close();
      events = app.log
        .filter((line) => line.startsWith('{"type":'))
        .map((line) => JSON.parse(line) as ServiceEvent);
    });
    after(() => receiver.close());

    /** Ensured and cached, looked up, missed, failed, throttled and joined, pruned. */
    async function live(): Promise<void> {
      const image = `${registry.host}/team/large:1`;
      registry.push('team/large:1', { layers: [randomBytes(300_000)] });
      registry.push('team/foreign:1', { layers: [randomBytes(100)], platform: ARM64 });
      registry.push('team/throttled:1', { layers: [randomBytes(100)] });
      assert.equal((await post(image, TRACE)).status, 202);
      await app.ready(image);
      const found = await app.get('/api/lookup', { image });
      assert.equal(found.status, 200, found.text);
      const signature = new URL(String(found.body.url)).searchParams.get('sig') ?? assert.fail();
      secrets.push(signature, encodeURIComponent(signature));
      assert.equal((await app.get('/api/lookup', { image: `${registry.host}/team/unknown:1` })).status, 404);

      const foreign = `${registry.host}/team/foreign:1`;
      assert.equal((await post(foreign, OTHER_TRACE)).status, 202);
      await app.until(foreign, ({ state }) => state === 'failed');

      // Found, and then one of its layers is not there.
      const { layers } = registry.push('team/lost:1', { layers: [randomBytes(100)] });
      lostLayer = layers[0]?.digest ?? assert.fail();
      const lost = `${registry.host}/team/lost:1`;
      assert.equal((await post(lost, LOST_TRACE)).status, 202);
      await app.until(lost, ({ state }) => state === 'failed');

      const throttled = `${registry.host}/team/throttled:1`;
      assert.equal((await post(throttled, OTHER_TRACE)).status, 202);
      await eventually('the run waits', () => app.log.some((line) => line.includes('registry_wait')));
      assert.equal((await post(throttled, TRACE)).status, 202);

      // Nobody can be downloading it any more.
      await setLastUsed(app, String(found.body.blob), '2026-01-01T00:00:00Z');
      await fetch(`${app.url}/admin/functions/prune`, {
        method: 'POST',
        body: '{}',
        headers: { 'content-type': 'application/json' },
      });
      await eventually('prune has ended', () =>
        app.observations.some(({ functionName }) => functionName === 'prune'),
      );
    }

    it('tells of each thing once, as a line of JSON', () => {
      const image = `${registry.host}/team/large:1`;
      const [cached, ...others] = of('image_cached');
      assert.ok(cached);
      assert.deepEqual(others, []);
      assert.ok(cached.image.startsWith(image), cached.image);
      assert.equal(cached.registry, registry.host);
      assert.ok(cached.bytes > 300_000);
      const { phases, seconds } = cached;
      const sum = phases.resolveSeconds + phases.copySeconds + phases.commitSeconds + phases.waitSeconds;
      assert.ok(sum > 0 && sum < seconds + 1, JSON.stringify(cached));
      assert.equal(phases.waitSeconds, 0);

      assert.deepEqual(
        of('bytes_pulled').map(({ source, bytes }) => [source, bytes]),
        [['redirect', 300_000]],
      );
      assert.deepEqual(
        of('image_failed').map(({ code, image: failed }) => [code, /team\/\w+:1/.exec(failed)?.[0]]),
        [
          ['unsupported_image', 'team/foreign:1'],
          ['image_not_found', 'team/lost:1'],
        ],
      );
      assert.deepEqual(
        of('registry_wait').map(({ code, seconds: wait }) => [code, wait]),
        [['registry_throttled', 45]],
      );
      assert.deepEqual(
        of('lookup').map(({ outcome, size }) => [outcome, size]),
        [
          ['hit', cached.bytes],
          ['miss', undefined],
        ],
      );
      const [prune] = of('prune');
      assert.partialDeepStrictEqual(prune, { deleted: 1, held: 0, kept: 0, bytes: cached.bytes });
      assert.deepEqual(of('store'), [{ type: 'store', images: 0, bytes: 0 }]);
    });

    it('makes metrics of it, which are sent when the app ends', () => {
      const metrics = receiver.metrics();
      const points = (name: string): unknown[] =>
        (metrics.get(name)?.points ?? []).map(({ labels, value }) => [labels, value]);
      const [cached] = of('image_cached');
      const host = registry.host;
      assert.deepEqual(points('image_cache.images.cached'), [[{ registry: host }, 1]]);
      assert.deepEqual(points('image_cache.images.failed'), [
        [{ registry: host, 'error.type': 'unsupported_image' }, 1],
        [{ registry: host, 'error.type': 'image_not_found' }, 1],
      ]);
      assert.deepEqual(points('image_cache.registry.io'), [
        [{ registry: host, source: 'redirect' }, 300_000],
      ]);
      assert.deepEqual(points('image_cache.registry.wait.duration'), [
        [{ registry: host, 'error.type': 'registry_throttled' }, 45],
      ]);
      assert.deepEqual(points('image_cache.lookups'), [
        [{ outcome: 'hit' }, 1],
        [{ outcome: 'miss' }, 1],
      ]);
      assert.deepEqual(points('image_cache.prune.images'), [
        [{ result: 'deleted' }, 1],
        [{ result: 'held' }, 0],
        [{ result: 'failed' }, 0],
      ]);
      assert.deepEqual(points('image_cache.prune.io'), [[{}, cached?.bytes]]);
      assert.deepEqual(points('image_cache.store.size'), [[{}, 0]]);
      assert.deepEqual(points('image_cache.block_memory.used'), [[{}, 0]]);
      const phases = metrics.get('image_cache.run.duration')?.points.map(({ labels }) => labels.phase);
      assert.deepEqual(phases, ['resolve', 'copy', 'commit', 'wait', 'all']);
      assert.equal(receiver.resource()['service.name'], 'cache-of-the-test');
    });

    it('has one trace from the request through every activity, and a link where a request joins', () => {
      const ofTrace = receiver.spans().filter(({ traceId }) => traceId === TRACE);
      const asked = ofTrace.find(({ name, links }) => name === 'images-ensure' && links?.length !== 1);
      assert.ok(asked);
      assert.equal(asked.parentSpanId, CALLER);
      const below = ofTrace.filter(({ parentSpanId }) => parentSpanId === asked.spanId);
      assert.deepEqual(
        below.map(({ name }) => name),
        ['resolveImage', 'copyBlocks', 'commitArchive'],
      );
      const run = of('image_cached')[0]?.run;
      for (const { attributes } of below) assert.equal(labelsOf(attributes)['image_cache.run'], run);

      const joined = ofTrace.find(({ links }) => links?.length === 1);
      assert.equal(joined?.links?.[0]?.traceId, OTHER_TRACE);
      const names = receiver.spans().map(({ name }) => name);
      for (const name of ['lookup', 'images-get', 'prune', 'abandonRun'])
        assert.ok(names.includes(name), name);
    });

    it('marks the step that failed, also where it answers its failure', () => {
      const failed = (trace: string): unknown[] =>
        receiver
          .spans()
          .filter(({ traceId, status }) => traceId === trace && status?.code === SPAN_FAILED)
          .map(({ name, attributes }) => [name, labelsOf(attributes)['error.type']]);
      assert.deepEqual(failed(LOST_TRACE), [['copyBlocks', 'image_not_found']]);
      assert.deepEqual(failed(TRACE), []);
      assert.deepEqual(failed(OTHER_TRACE)[0], ['resolveImage', 'unsupported_image']);
    });

    it('tells no secret and no signed address, neither the receiver nor the log', () => {
      const bodies = receiver.seen.map(({ body }) => body);
      assert.ok(bodies.length >= 2);
      const told = [...bodies, ...app.log].join('\n');
      for (const secret of secrets)
        for (const form of [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '')])
          assert.ok(!told.includes(form), `${form} is told`);
      assert.doesNotMatch(told, /[?&]sig=|AccountKey=/);
      // They were there to be told.
      assert.ok(receiver.seen.every(({ headers }) => headers.authorization === `Bearer ${OTLP_KEY}`));
    });
  });
}

describe('telemetry in protobuf, which is what is sent unless another form is asked for', () => {
  let receiver: OtlpReceiver;
  before(async () => {
    receiver = await startOtlpReceiver();
  });
  after(() => receiver.close());

  /** Names and labels are plain text in protobuf; the first field of either message is its list of resources. */
  const received = (path: string, ...texts: string[]): boolean => {
    const sent = receiver.seen.filter(({ url }) => url === path);
    for (const { headers, body } of sent) {
      assert.equal(headers['content-type'], 'application/x-protobuf');
      assert.equal(body[0], '\n');
    }
    return texts.every((text) => sent.some(({ body }) => body.includes(text)));
  };

  it('has the spans and metrics of an image', async () => {
    const app = await startApp(1, {
      env: () => ({
        TELEMETRY: 'otlp',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
        OTEL_BSP_SCHEDULE_DELAY: '50',
      }),
    });
    try {
      const [registry] = app.registries;
      registry?.push('team/app:1', { layers: [randomBytes(1000)] });
      const image = `${registry?.host ?? ''}/team/app:1`;
      assert.equal((await app.post({ image })).status, 202);
      await app.ready(image);
      await eventually('both came', () => {
        const hasSpans = received('/v1/traces', 'resolveImage', 'copyBlocks', 'commitArchive', image);
        return hasSpans && received('/v1/metrics', 'image_cache.images.cached', registry?.host ?? '');
      });
    } finally {
      await app.close();
    }
  });
});

describe('telemetry that nobody receives', () => {
  it('changes nothing for callers, and is complained of once', async () => {
    const app = await startApp(1, {
      env: () => ({
        TELEMETRY: 'otlp',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
        OTEL_EXPORTER_OTLP_TIMEOUT: '500',
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
        OTEL_BSP_SCHEDULE_DELAY: '50',
      }),
    });
    try {
      const [registry] = app.registries;
      registry?.push('team/app:1', { layers: [randomBytes(1000)] });
      const image = `${registry?.host ?? ''}/team/app:1`;
      assert.equal((await app.post({ image })).status, 202);
      await app.ready(image);
      await eventually('it is complained of', () => complaints(app).length > 0);
      assert.equal((await app.get('/api/lookup', { image })).status, 200);
    } finally {
      await app.close();
    }
    assert.equal(complaints(app).length, 1);
    assert.deepEqual(
      app.log.filter((line) => /unhandled|thread ended/i.test(line)),
      [],
    );
  });

  function complaints({ log }: RunningApp): string[] {
    return log.filter((line) => line.includes('cannot be exported (ECONNREFUSED)'));
  }
});
