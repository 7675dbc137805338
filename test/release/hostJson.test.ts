import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { hostJson } from '../../release/hostJson.ts';

const TEXT = readFileSync(new URL('../../host.json', import.meta.url), 'utf8');
const MAIN = readFileSync(new URL('../../infra/main.bicep', import.meta.url), 'utf8');

interface Host {
  readonly extensions: { readonly durableTask: { readonly storageProvider: { readonly type: string } } };
}

describe('the host.json of a package', () => {
  it('is the one that is tested, but for the backend that is asked for', () => {
    for (const backend of [undefined, '', 'AzureStorage']) assert.equal(hostJson(TEXT, backend), TEXT);
    const usual = JSON.parse(TEXT) as Host;
    const scheduler = JSON.parse(hostJson(TEXT, 'DurableTaskScheduler')) as Host;
    const { storageProvider } = scheduler.extensions.durableTask;
    assert.deepEqual(
      { ...scheduler.extensions.durableTask, storageProvider: {} },
      { ...usual.extensions.durableTask, storageProvider: {} },
    );
    assert.deepEqual({ ...scheduler, extensions: {} }, { ...usual, extensions: {} });
    // What the deployment sets says the same, for a package of a release.
    for (const [member, value] of Object.entries(storageProvider))
      assert.match(MAIN, new RegExp(`__storageProvider__${member}: '${value}'`));
  });

  it('is none for a backend that nobody knows', () => {
    assert.throws(
      () => hostJson(TEXT, 'Netherite'),
      /DURABLE_BACKEND is "Netherite"; it must be AzureStorage or/,
    );
  });
});
