import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Config, loadConfig } from '../src/config.ts';
import { SettingError } from '../src/errors.ts';
import { parseNamePattern } from '../src/image/namePattern.ts';
import type { StorageSetting } from '../src/store/storage.ts';

const STORAGE = { IMAGE_STORAGE: 'UseDevelopmentStorage=true' };

const CLIENT_ID = '01234567-89ab-cdef-0123-456789abcdef';

const load = (env: Readonly<Record<string, string>>): Config => loadConfig({ ...STORAGE, ...env });

function refused(env: Readonly<Record<string, string | undefined>>): SettingError {
  try {
    loadConfig(env);
  } catch (error) {
    assert.ok(error instanceof SettingError, String(error));
    return error;
  }
  assert.fail(`taken: ${JSON.stringify(env)}`);
}

describe('the settings', () => {
  it('have defaults, but for the storage', () => {
    const { egress, credentials, storage, ...plain } = load({});
    assert.ok('service' in storage && storage.service.accountName === 'devstoreaccount1');
    assert.equal(egress.registryUrl('ghcr.io').href, 'https://ghcr.io/', 'any registry, over https');
    assert.equal(credentials.find('ghcr.io', 'team/image'), undefined);
    assert.deepEqual(plain, {
      imageContainer: 'dockerimages',
      acrIdentityClientId: undefined,
      defaultPlatform: { os: 'linux', architecture: 'amd64' },
      maxImageBytes: 200 * 1024 ** 3,
      maxWaitHours: 7,
      onRefusal: 'refuse',
      pruneAfterDays: 30,
      pruneKeep: [],
      maxCacheBytes: undefined,
      pruneSchedule: '0 30 3 * * *',
      warmImages: [],
      warmRepositories: [],
      warmSchedule: '0 0 5 * * *',
      lastUsedResolutionSeconds: 60,
      lookupUrlMinutes: 120,
      registryMirror: false,
      telemetry: undefined,
    });
  });

  it('are what they are set to; blanks around them do not count, and an empty one is not set', () => {
    const { egress, credentials, warmRepositories, ...plain } = load({
      IMAGE_CONTAINER: 'images2',
      ALLOWED_REGISTRIES: ' GHCR.io, *.azurecr.io\n quay.io:8443,,',
      INSECURE_REGISTRIES: 'localhost:5000 [::1]:5000,https://registry.local',
      DOCKER_AUTH_CONFIG: '{"auths": {"ghcr.io": {"username": "me", "password": "pw"}}}',
      ACR_IDENTITY_CLIENT_ID: ` ${CLIENT_ID} `,
      DEFAULT_PLATFORM: 'linux/arm64/v8',
      MAX_IMAGE_BYTES: '1e9',
      MAX_WAIT_HOURS: '0',
      ON_REGISTRY_REFUSAL: 'serve',
      PRUNE_AFTER_DAYS: '0.5',
      PRUNE_KEEP: 'broadinstitute/*, ghcr.io/team/tool:1.*',
      MAX_CACHE_BYTES: '1e12',
      PRUNE_SCHEDULE: '0 0 */6 * * MON-FRI',
      WARM_IMAGES: 'ubuntu, ghcr.io/team/tool:1\n quay.io/a/b:2',
      WARM_REPOSITORIES: 'team.azurecr.io/a/*:1.* newest=3 not=*-rc*,\n team.azurecr.io/b\n',
      WARM_SCHEDULE: '0 0 * * * *',
      LASTUSED_RESOLUTION_SECONDS: '0',
      LOOKUP_URL_MINUTES: '   ',
      REGISTRY_MIRROR: 'true',
    });
    for (const [registry, url] of [
      ['ghcr.io', 'https://ghcr.io/'],
      ['team.azurecr.io', 'https://team.azurecr.io/'],
      ['quay.io:8443', 'https://quay.io:8443/'],
      ['localhost:5000', 'http://localhost:5000/'],
      ['[::1]:5000', 'http://[::1]:5000/'],
      ['registry.local', 'https://registry.local/'],
    ] as const)
      assert.equal(egress.registryUrl(registry).href, url);
    assert.throws(() => egress.registryUrl('docker.io'), { code: 'registry_not_allowed' });
    assert.deepEqual(credentials.find('ghcr.io', 'team/image'), { username: 'me', password: 'pw' });
    assert.deepEqual(
      warmRepositories.map(({ text, newest }) => [text, newest]),
      [
        ['team.azurecr.io/a/*:1.* newest=3 not=*-rc*', 3],
        ['team.azurecr.io/b', 1],
      ],
    );
    assert.deepEqual(plain, {
      storage: plain.storage,
      imageContainer: 'images2',
      acrIdentityClientId: CLIENT_ID,
      defaultPlatform: { os: 'linux', architecture: 'arm64' },
      maxImageBytes: 1e9,
      maxWaitHours: 0,
      onRefusal: 'serve',
      pruneAfterDays: 0.5,
      pruneKeep: ['broadinstitute/*', 'ghcr.io/team/tool:1.*'].map(parseNamePattern),
      maxCacheBytes: 1e12,
      pruneSchedule: '0 0 */6 * * MON-FRI',
      warmImages: ['ubuntu', 'ghcr.io/team/tool:1', 'quay.io/a/b:2'],
      warmSchedule: '0 0 * * * *',
      lastUsedResolutionSeconds: 0,
      lookupUrlMinutes: 120,
      registryMirror: true,
      telemetry: undefined,
    });
  });

  for (const [name, ...values] of [
    ['IMAGE_CONTAINER', 'A', 'ab', 'Images', 'a--b', '-images', 'images-', 'x'.repeat(58), 'a_b'],
    ['ALLOWED_REGISTRIES', 'https://ghcr.io', 'ghcr.io/team', 'a*b.io', '*:5000', 'ghcr.io:99999', '*.'],
    ['INSECURE_REGISTRIES', 'http://localhost', 'localhost:port', 'https://https://x', 'a:1+', '+', 'a++b'],
    ['DEFAULT_PLATFORM', 'linux/amd64/v1/x', 'linux/', 'li nux/amd64'],
    ['MAX_IMAGE_BYTES', '0', '-1', 'NaN', 'Infinity', '200 GiB'],
    ['MAX_WAIT_HOURS', '-1', 'seven', '1h'],
    ['PRUNE_KEEP', 'Team/UPPER', 'https://ghcr.io/team', 'a@b@c'],
    ['MAX_CACHE_BYTES', '0', '-1', '1.5', '10GiB'],
    ['ON_REGISTRY_REFUSAL', 'true', 'Serve', 'stale'],
    ['PRUNE_AFTER_DAYS', '-0.1', '30 days'],
    ['PRUNE_SCHEDULE', 'daily', '30 3 * * *', '0 30 3 * * * *', '0 30 3 * * ?!'],
    ['WARM_IMAGES', 'Team/UPPER', 'https://ghcr.io/team', 'a@b@c', 'ubuntu:*'],
    ['WARM_REPOSITORIES', 'ubuntu', 'x.azurecr.io', '*.azurecr.io/a', 'x.azurecr.io/a newest=0', 'x.io/a b'],
    ['WARM_SCHEDULE', 'daily', '0 0 5 * *'],
    ['LASTUSED_RESOLUTION_SECONDS', '-1', 'x'],
    ['LOOKUP_URL_MINUTES', '0', 'x', '10080'],
    ['REGISTRY_MIRROR', 'yes', '1', 'True'],
    ['TELEMETRY', 'on', 'true', 'OTLP', 'azuremonitor'],
  ] as const) {
    for (const value of values) {
      it(`${name} can not be ${JSON.stringify(value)}, and the message names both`, () => {
        const { message } = refused({ ...STORAGE, [name]: value });
        assert.ok(message.startsWith(`The setting ${name} is "`), message);
        const shown = /is "(.*)"; it must be ./.exec(message)?.[1] ?? '';
        assert.ok(shown !== '' && value.toLowerCase().includes(shown.toLowerCase()), message);
      });
    }
  }
});

describe('telemetry', () => {
  const APPLICATIONINSIGHTS_CONNECTION_STRING =
    'InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://x.example/';

  it('goes nowhere, to a receiver of OTLP, or to Application Insights', () => {
    assert.equal(load({ TELEMETRY: 'off' }).telemetry, undefined);
    assert.deepEqual(load({ TELEMETRY: 'otlp' }).telemetry, {
      exporter: 'otlp',
      metricsProtocol: 'http/protobuf',
      tracesProtocol: 'http/protobuf',
      metricIntervalMs: 60_000,
    });
    assert.deepEqual(
      load({
        TELEMETRY: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
        OTEL_METRIC_EXPORT_INTERVAL: '5000',
      }).telemetry,
      {
        exporter: 'otlp',
        metricsProtocol: 'http/json',
        tracesProtocol: 'http/protobuf',
        metricIntervalMs: 5000,
      },
    );
    const monitor = { TELEMETRY: 'azure-monitor', APPLICATIONINSIGHTS_CONNECTION_STRING };
    const exporter = {
      exporter: 'azure-monitor',
      connectionString: APPLICATIONINSIGHTS_CONNECTION_STRING,
      metricIntervalMs: 60_000,
    };
    assert.deepEqual(load(monitor).telemetry, exporter);
    for (const [authentication, identity] of [
      ['Authorization=AAD', {}],
      [`ClientId=${CLIENT_ID};Authorization=AAD`, { clientId: CLIENT_ID }],
    ] as const)
      assert.deepEqual(
        load({ ...monitor, APPLICATIONINSIGHTS_AUTHENTICATION_STRING: authentication }).telemetry,
        { ...exporter, identity },
      );
  });

  it('is refused where it could not be sent, by the name of the setting and without its secrets', () => {
    for (const [name, value] of [
      ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
      ['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'http'],
      ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
      ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'ftp://me:hunter2@collector?key=hunter2'],
      ['OTEL_METRIC_EXPORT_INTERVAL', '0'],
    ] as const) {
      const { message } = refused({ ...STORAGE, TELEMETRY: 'otlp', [name]: value });
      assert.ok(message.startsWith(`The setting ${name} is "`), message);
      assert.doesNotMatch(message, /hunter2/);
    }
    const monitor = { ...STORAGE, TELEMETRY: 'azure-monitor' };
    assert.match(refused(monitor).message, /APPLICATIONINSIGHTS_CONNECTION_STRING must be/);
    const both = { ...monitor, APPLICATIONINSIGHTS_CONNECTION_STRING };
    for (const value of ['ClientId=me', 'Authorization=Key', 'ClientId=me;Authorization=AAD'])
      assert.match(
        refused({ ...both, APPLICATIONINSIGHTS_AUTHENTICATION_STRING: value }).message,
        /^The setting APPLICATIONINSIGHTS_AUTHENTICATION_STRING is "/,
      );
  });
});

describe('the storage', () => {
  const HOST = { AzureWebJobsStorage__accountName: 'host' };

  it('is IMAGE_STORAGE, else AzureWebJobsStorage', () => {
    const of = (env: Readonly<Record<string, string>>): StorageSetting => loadConfig(env).storage;
    const account = (name: string): string =>
      `DefaultEndpointsProtocol=https;AccountName=${name};AccountKey=a2V5;EndpointSuffix=core.windows.net`;
    const named = (setting: StorageSetting) => 'service' in setting && setting.service.accountName;
    assert.equal(named(of({ IMAGE_STORAGE: account('a'), AzureWebJobsStorage: account('b') })), 'a');
    assert.equal(named(of({ IMAGE_STORAGE: '', AzureWebJobsStorage: account('b') })), 'b');
    const uri = 'https://me.blob.core.windows.net';
    assert.deepEqual(of({ IMAGE_STORAGE__blobServiceUri: uri, AzureWebJobsStorage: 'b' }), {
      blobServiceUri: uri,
    });
    assert.deepEqual(
      of({ AzureWebJobsStorage__accountName: 'mine', AzureWebJobsStorage__clientId: CLIENT_ID }),
      {
        blobServiceUri: 'https://mine.blob.core.windows.net',
        clientId: CLIENT_ID,
      },
    );
    const resourceId =
      '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i';
    assert.deepEqual(
      of({
        IMAGE_STORAGE__queueServiceUri: 'https://me.queue.core.windows.net',
        AzureWebJobsStorage__blobServiceUri: uri,
        AzureWebJobsStorage__queueServiceUri: 'https://me.queue.core.windows.net',
        AzureWebJobsStorage__credential: 'managedidentity',
        AzureWebJobsStorage__managedIdentityResourceId: resourceId,
      }),
      { blobServiceUri: uri, resourceId },
    );
  });

  it('is never another than the one that an identity was named for', () => {
    const { message } = refused({ IMAGE_STORAGE__clientId: CLIENT_ID, ...HOST });
    assert.match(
      message,
      /^The setting IMAGE_STORAGE names an identity .* set IMAGE_STORAGE__blobServiceUri/,
    );
  });

  it('is reached by a managed identity that is named once', () => {
    const account = { IMAGE_STORAGE__accountName: 'mine', ...HOST };
    assert.match(
      refused({ ...account, IMAGE_STORAGE__credential: 'key' }).message,
      /must be managedidentity/,
    );
    assert.match(
      refused({
        ...account,
        IMAGE_STORAGE__clientId: CLIENT_ID,
        IMAGE_STORAGE__managedIdentityResourceId: '/i',
      }).message,
      /must be left out where IMAGE_STORAGE__clientId is set/,
    );
  });

  it('has to be a connection string with a key, checked at the start', () => {
    for (const IMAGE_STORAGE of [
      'a',
      'AccountName=me',
      'BlobEndpoint=http://127.0.0.1:1/me;SharedAccessSignature=sv=1&sig=c2ln',
    ])
      assert.match(
        refused({ IMAGE_STORAGE }).message,
        /^IMAGE_STORAGE .* is not a storage connection string/,
      );
  });

  it('has to be set, and to be a URL with https', () => {
    assert.match(refused({}).message, /^No storage is set: set IMAGE_STORAGE/);
    for (const uri of [
      'me.blob.core.windows.net',
      'http://me.blob.core.windows.net',
      'https://me.blob.core.windows.net/?sv=1',
      'https://me:key@me.blob.core.windows.net',
      'https://me.blob.core.windows.net/#a',
    ])
      assert.match(refused({ IMAGE_STORAGE__blobServiceUri: uri }).message, /https URL of a blob service/);
  });
});

describe('a secret', () => {
  const SECRET = 'hunter2';
  for (const [what, env] of Object.entries<Readonly<Record<string, string>>>({
    'DOCKER_AUTH_CONFIG that is no JSON': { DOCKER_AUTH_CONFIG: `{"auths": "${SECRET}` },
    'DOCKER_AUTH_CONFIG that is no object': { DOCKER_AUTH_CONFIG: JSON.stringify(SECRET) },
    'DOCKER_AUTH_CONFIG with an auth that is none': {
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'ghcr.io': { auth: SECRET } } }),
    },
    'a service URL with a signature': {
      IMAGE_STORAGE: '',
      IMAGE_STORAGE__blobServiceUri: `https://me.blob.core.windows.net/?sv=1&sig=${SECRET}`,
    },
    'a service URL with a password': {
      IMAGE_STORAGE: '',
      IMAGE_STORAGE__blobServiceUri: `https://me:${SECRET}@me.blob.core.windows.net`,
    },
  })) {
    it(`is not shown: ${what}`, () => {
      const error = refused({ ...STORAGE, ...env });
      assert.doesNotMatch(`${error.message} ${error.stack ?? ''} ${String(error.cause)}`, /hunter2/);
      assert.match(error.message, /^The setting (DOCKER_AUTH_CONFIG|IMAGE_STORAGE__blobServiceUri) is /);
    });
  }
});
