import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import host from '../../host.json' with { type: 'json' };
import { appSettings, readSnapshot, resourcesOf, SHAPES } from './support/snapshot.ts';

/** Read by the Functions host and its worker, not by src. */
const HOST =
  /^(AzureWebJobsStorage__|APPLICATIONINSIGHTS_|AzureFunctionsJobHost__|DURABLE_TASK_SCHEDULER_CONNECTION_STRING$)/;
/** Read by @azure/identity. */
const IDENTITY = new Set(['AZURE_AUTHORITY_HOST']);

const pages = ['README.md', ...globSync('docs/*.md')].map((file) => readFileSync(file, 'utf8')).join('\n');
const infraReadme = readFileSync('infra/README.md', 'utf8');
const source = globSync('src/**/*.ts', { exclude: ['src/cli/**'] })
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n');

/**
 * Settings are read as `text(env, 'NAME')` and the like, and as env.NAME; what is assigned is not read. Those of
 * OpenTelemetry's exporters have names that its standard puts together.
 */
const read = new Set(
  [
    ...source.matchAll(
      /(?<!otlpProtocol)\(env, '([A-Z][A-Z0-9_]+)'|env\.([A-Z][A-Z0-9_]+)\b(?!\s*(?:\?\?)?=[^=])/g,
    ),
  ].map(([, byName, byMember]) => byName ?? byMember ?? ''),
);
const set = new Set(SHAPES.flatMap((shape) => Object.keys(appSettings(readSnapshot(shape)))));

describe('app settings', () => {
  it('that the code reads are found here', () => {
    for (const name of ['IMAGE_CONTAINER', 'DOCKER_AUTH_CONFIG', 'PRUNE_SCHEDULE'])
      assert.ok(read.has(name), name);
  });

  for (const name of read) {
    it(`${name} is read: Bicep sets it, or a page says what it does`, () => {
      assert.ok(set.has(name) || IDENTITY.has(name) || pages.includes(`\`${name}\``));
    });
  }

  for (const name of set) {
    it(`${name} is set: something reads it`, () => {
      if (HOST.test(name))
        assert.ok(infraReadme.includes(name), `infra/README.md has no reason for ${name}.`);
      else assert.ok(read.has(name) || /^IMAGE_STORAGE__(blobServiceUri|clientId)$/.test(name));
    });
  }

  it('that README.md lists are read', () => {
    const [, table = ''] = readFileSync('README.md', 'utf8').split(/^## Settings$/m);
    const listed = [...(table.split(/^## /m)[0]?.matchAll(/^\| `([A-Z_]+)`/gm) ?? [])].map(
      ([, name = '']) => name,
    );
    assert.ok(listed.length > 10);
    // IMAGE_STORAGE is the name of a connection, which is read in all its forms.
    assert.deepEqual(
      listed.filter((name) => !read.has(name) && name !== 'IMAGE_STORAGE'),
      [],
    );
  });

  it('have no secret among them', () => {
    for (const shape of SHAPES)
      for (const [name, value] of Object.entries(appSettings(readSnapshot(shape))))
        assert.doesNotMatch(value, /AccountKey=|SharedAccessSignature|listKeys|sig=/, name);
  });
});

describe('host.json', () => {
  it('has its reasons in infra/README.md', () => {
    const { durableTask } = host.extensions;
    const names = [
      'functionTimeout',
      ...Object.keys(durableTask).filter((name) => name !== 'storageProvider' && name !== 'tracing'),
      ...Object.keys(durableTask.storageProvider).filter((name) => name !== 'type'),
      ...Object.keys(durableTask.tracing),
      ...Object.keys(host.extensions.http),
      'extensionBundle',
      'samplingSettings',
    ];
    assert.deepEqual(
      names.filter((name) => !infraReadme.includes(`\`${name}\``)),
      [],
    );
  });

  it('names the task hub that the scheduler has', () => {
    const hubs = resourcesOf(readSnapshot('scheduler'), 'Microsoft.DurableTask/schedulers/taskHubs');
    assert.deepEqual(
      hubs.map(({ name }) => name.split('/').at(-1)),
      [host.extensions.durableTask.hubName],
    );
  });
});
