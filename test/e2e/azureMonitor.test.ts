import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ImageView, LookupView } from '../../src/api/views.ts';
import { type LoopbackRegistry, startRegistry } from '../runs/support/loopbackRegistry.ts';
import { newContainer, openAzurite, type TestAzurite } from '../support/azurite.ts';
import { makeCertificate } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { type IdentityEndpoint, startIdentityEndpoint } from '../support/identityEndpoint.ts';
import { must, removeDirectory, temporaryDirectory } from '../support/process.ts';
import { requireTools } from '../support/tools.ts';
import { type HostProcess, startHostProcess } from '../telemetry/support/hostProcess.ts';
import { type IngestionEndpoint, startIngestionEndpoint } from '../telemetry/support/ingestionEndpoint.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLIENT_ID = '0d2e1f30-5a4b-4c3d-8e9f-112233445566';
const PASSWORD = `pass-${randomBytes(12).toString('hex')}`;
const FUNCTION_KEY = `key-${randomBytes(12).toString('hex')}`;
/** An hour: what is seen was sent because the app ended. */
const NEVER = '3600000';
/** By then the exporter has begun all that it does beside exporting; its longest delay is 15 s. */
const SETTLED_SECONDS = 20;

for (const kind of ['the sources', 'the bundle'] as const) {
  describe(`${kind}, with Application Insights`, { skip: requireTools('openssl') }, () => {
    let folder: string;
    let azurite: TestAzurite;
    let registry: LoopbackRegistry;
    let identity: IdentityEndpoint;
    let ingestion: IngestionEndpoint;
    let mayPublish = true;
    let recorded: string;
    const image = (): string => `${registry.host}/team/app:1`;

    before(async () => {
      if (kind === 'the bundle') await must([process.execPath, path.join(ROOT, 'build.mjs')], { cwd: ROOT });
      folder = await temporaryDirectory('insights');
      recorded = path.join(folder, 'hosts');
      azurite = await openAzurite();
      registry = await startRegistry();
      registry.push('team/app:1', { layers: [randomBytes(1000)] });
      registry.misbehave = ({ headers }, response) => {
        if (headers.authorization !== undefined) return false;
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        return true;
      };
      identity = await startIdentityEndpoint('https://monitor.azure.com');
      const certificate = await makeCertificate(folder, 'ingestion');
      ingestion = await startIngestionEndpoint(certificate, () => mayPublish);
    });
    after(async () => {
      await Promise.all([registry, identity, ingestion, azurite].map((server) => server.close()));
      await removeDirectory(folder);
    });

    const start = (more: Readonly<Record<string, string>>): Promise<HostProcess> =>
      startHostProcess(path.join(ROOT, kind === 'the bundle' ? 'dist/main.cjs' : 'src/main.ts'), {
        ...identity.env,
        NODE_EXTRA_CA_CERTS: path.join(folder, 'ingestion.crt'),
        NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require=${path.join(ROOT, 'test/telemetry/support/recordHosts.ts')}`,
        RECORD_HOSTS: recorded,
        IMAGE_STORAGE: azurite.connectionString,
        IMAGE_CONTAINER: newContainer(),
        INSECURE_REGISTRIES: registry.host,
        DOCKER_AUTH_CONFIG: JSON.stringify({
          auths: { [registry.host]: { username: 'robot', password: PASSWORD } },
        }),
        TELEMETRY: 'azure-monitor',
        APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=${ingestion.origin}/`,
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING: `ClientId=${CLIENT_ID};Authorization=AAD`,
        ...more,
      });

    /** Asks for the image, in a trace, waits until it is ready, and gives its signed URL. */
    async function cache(url: string, trace: string): Promise<string> {
      const asked = await fetch(`${url}/api/images?code=${FUNCTION_KEY}`, {
        method: 'POST',
        body: JSON.stringify({ image: image() }),
        headers: { 'x-functions-key': FUNCTION_KEY, traceparent: `00-${trace}-${'a'.repeat(16)}-01` },
      });
      assert.equal(asked.status, 202, await asked.text());
      const get = async (call: string): Promise<unknown> =>
        (await fetch(`${url}/api/${call}?image=${image()}`)).json();
      await eventually(`${image()} is ready`, async () => {
        const { state } = (await get('images')) as ImageView;
        assert.notEqual(state, 'failed');
        return state === 'ready';
      });
      return ((await get('lookup')) as LookupView).url ?? assert.fail();
    }

    it('sends metrics and one trace with a token of its identity, no secret, and asks no other host', async () => {
      const trace = randomBytes(16).toString('hex');
      const host = await start({ OTEL_METRIC_EXPORT_INTERVAL: NEVER, OTEL_BSP_SCHEDULE_DELAY: NEVER });
      const since = Date.now();
      let signed: string;
      try {
        signed = await cache(host.url, trace);
        await eventually('the exporter has settled', () => Date.now() - since > SETTLED_SECONDS * 1000);
      } finally {
        assert.equal(await host.stop(), 0, host.output());
      }
      const spans = ingestion.envelopes
        .filter(({ tags }) => tags['ai.operation.id'] === trace)
        .map(({ data }) => data.baseData.name);
      assert.deepEqual(spans.sort(), ['commitArchive', 'copyBlocks', 'images-ensure', 'resolveImage']);
      const metrics = ingestion.envelopes.flatMap(({ data }) => data.baseData.metrics ?? []);
      assert.equal(metrics.find(({ name }) => name === 'image_cache.images.cached')?.value, 1);

      for (const query of identity.asked) assert.equal(query.get('client_id'), CLIENT_ID);
      const tokens = new Set(ingestion.asked.map(({ authorization }) => authorization?.split(' ')[1] ?? ''));
      assert.deepEqual(
        [...tokens].filter((token) => token.split('.').length !== 3),
        [],
      );

      const signature = new URL(signed).searchParams.get('sig') ?? assert.fail();
      const [, accountKey = assert.fail()] = /AccountKey=([^;]+)/.exec(azurite.connectionString) ?? [];
      const told = ingestion.bodies.join('\n') + host.output();
      for (const secret of [
        PASSWORD,
        FUNCTION_KEY,
        signature,
        accountKey,
        identity.env.IDENTITY_HEADER,
        ...tokens,
      ])
        for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
          assert.ok(!told.includes(form), `${form} is told`);
      assert.doesNotMatch(told, /[?&]sig=|AccountKey=/);

      const hosts = new Set((await readFile(recorded, 'utf8')).trim().split('\n'));
      // The host's own API, to which the durable client goes, is at localhost.
      assert.deepEqual([...hosts].sort(), ['127.0.0.1', 'localhost']);
    });

    it('works where its identity may not publish, and says so once', async () => {
      mayPublish = false;
      const before = ingestion.asked.length;
      const host = await start({ OTEL_METRIC_EXPORT_INTERVAL: '1000', OTEL_BSP_SCHEDULE_DELAY: '50' });
      try {
        await cache(host.url, randomBytes(16).toString('hex'));
        await eventually('it has tried twice', () => ingestion.asked.length > before + 1);
        assert.equal((await fetch(`${host.url}/api/lookup?image=${image()}`)).status, 200);
      } finally {
        assert.equal(await host.stop(), 0, host.output());
      }
      const complaints = host.output().match(/cannot be exported \(401\)/g);
      assert.equal(complaints?.length, 1, host.output());
      assert.doesNotMatch(host.output(), /unhandled|thread ended/i);
    });
  });
}
