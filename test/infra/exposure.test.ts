import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CALLS } from '../../src/api/calls.ts';
import { readSnapshot, resourcesOf, SHAPES } from './support/snapshot.ts';

/** Every property of a resource, however deep, as a path and a value. */
function* properties(value: unknown, path = ''): Generator<readonly [path: string, value: unknown]> {
  yield [path, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* properties(inner, `${path}/${key}`);
}

/** What must hold of a property wherever it occurs, by its name. */
const ALWAYS: Readonly<Record<string, unknown>> = {
  allowBlobPublicAccess: false,
  allowCrossTenantReplication: false,
  allowSharedKeyAccess: false,
  DisableLocalAuth: true,
  disableLocalAuth: true,
  enablePurgeProtection: true,
  enableRbacAuthorization: true,
  httpsOnly: true,
  minimumTlsVersion: 'TLS1_2',
  minTlsVersion: '1.2',
  publicAccess: 'None',
  scmMinTlsVersion: '1.2',
  supportsHttpsTrafficOnly: true,
};
const PRIVATE: Readonly<Record<string, unknown>> = {
  publicNetworkAccess: 'Disabled',
  publicNetworkAccessForIngestion: 'Disabled',
  publicNetworkAccessForQuery: 'Disabled',
  ingestionAccessMode: 'PrivateOnly',
  queryAccessMode: 'PrivateOnly',
  defaultAction: 'Deny',
  defaultOutboundAccess: false,
};

/**
 * Types that the internet can reach, or anybody with a key, unless properties say no: each must have these, since what
 * is left out is what Azure takes for it.
 */
const REACHABLE: Readonly<Record<string, readonly string[]>> = {
  'Microsoft.DurableTask/schedulers': ['publicNetworkAccess'],
  'Microsoft.Insights/components': [
    'DisableLocalAuth',
    'publicNetworkAccessForIngestion',
    'publicNetworkAccessForQuery',
  ],
  'Microsoft.KeyVault/vaults': [
    'enablePurgeProtection',
    'enableRbacAuthorization',
    'networkAcls/defaultAction',
    'publicNetworkAccess',
  ],
  'Microsoft.OperationalInsights/workspaces': [
    'features/disableLocalAuth',
    'publicNetworkAccessForIngestion',
    'publicNetworkAccessForQuery',
  ],
  'Microsoft.Storage/storageAccounts': [
    'allowBlobPublicAccess',
    'allowCrossTenantReplication',
    'allowSharedKeyAccess',
    'minimumTlsVersion',
    'networkAcls/bypass',
    'networkAcls/defaultAction',
    'publicNetworkAccess',
    'supportsHttpsTrafficOnly',
  ],
  'Microsoft.Storage/storageAccounts/blobServices/containers': ['publicAccess'],
  'Microsoft.Web/sites': [
    'httpsOnly',
    'publicNetworkAccess',
    'siteConfig/minTlsVersion',
    'siteConfig/scmMinTlsVersion',
  ],
};
/** Types of which no address of the internet leads anywhere. */
const UNREACHABLE =
  /^Microsoft\.(Authorization|ManagedIdentity|Network|Resources)\/|^Microsoft\.Insights\/(?!components$)|^Microsoft\.Web\/(serverfarms|sites\/)|^Microsoft\.Storage\/storageAccounts\/|^Microsoft\.DurableTask\/schedulers\/task[Hh]ubs$/;

for (const shape of SHAPES) {
  const snapshot = readSnapshot(shape);
  describe(`exposure: ${shape}`, () => {
    const rules = shape === 'main' ? ALWAYS : { ...ALWAYS, ...PRIVATE };
    for (const { type, name, properties: own } of snapshot.predictedResources) {
      for (const [path, value] of properties(own)) {
        const rule = path.split('/').at(-1) ?? '';
        if (Object.hasOwn(rules, rule))
          it(`${type} ${name} has ${rule} ${String(rules[rule])}`, () => assert.equal(value, rules[rule]));
      }
    }

    it('lets nobody sign in to publishing by a password', () => {
      const signIns = resourcesOf(snapshot, 'Microsoft.Web/sites/basicPublishingCredentialsPolicies');
      assert.deepEqual(
        signIns.map(({ name, properties: own }) => [name.split('/').at(-1), own]),
        [
          ['ftp', { allow: false }],
          ['scm', { allow: false }],
        ],
      );
    });

    it('compiles without a diagnostic', () => assert.deepEqual(snapshot.diagnostics, []));

    it('is decided for every type of resource', () => {
      for (const { type, name, properties: own } of snapshot.predictedResources) {
        const needed = REACHABLE[type];
        if (needed !== undefined) {
          const said = new Set([...properties(own)].map(([path]) => path.slice(1)));
          for (const property of needed)
            assert.ok(said.has(property), `${type} ${name} does not say ${property}.`);
        } else assert.match(type, UNREACHABLE, `${type}: say above whether the internet can reach it.`);
      }
    });
  });
}

describe('Entra in front', () => {
  const [settings] = resourcesOf(readSnapshot('private'), 'Microsoft.Web/sites/config').filter(({ name }) =>
    name.endsWith('/authsettingsV2'),
  );
  const said = new Map(properties(settings?.properties));

  it('refuses whoever brings no token of an allowed client', () => {
    assert.equal(said.get('/platform/enabled'), true);
    assert.equal(said.get('/globalValidation/requireAuthentication'), true);
    assert.equal(said.get('/globalValidation/unauthenticatedClientAction'), 'Return401');
    assert.equal(said.get('/httpSettings/requireHttps'), true);
    const provider = '/identityProviders/azureActiveDirectory';
    assert.equal(said.get(`${provider}/enabled`), true);
    const allowed = said.get(`${provider}/validation/defaultAuthorizationPolicy/allowedApplications`);
    assert.ok(Array.isArray(allowed) && allowed.length > 0);
    assert.ok(
      [...said.keys()].filter((path) => /^\/identityProviders\/\w+$/.test(path)).length === 1,
      'Another provider lets in others.',
    );
  });

  it('lets through without one what needs no function key either, and no more', () => {
    const open = CALLS.filter(({ isAnonymous = false, path }) => isAnonymous && !path.startsWith('/v2/'));
    assert.deepEqual(said.get('/globalValidation/excludedPaths'), open.map(({ path }) => path).toSorted());
  });
});

describe('the private shape', () => {
  const snapshot = readSnapshot('private');

  it('has no address of the internet', () => {
    assert.deepEqual(resourcesOf(snapshot, 'Microsoft.Network/publicIPAddresses'), []);
  });

  it('lets in no service of Azure past its networks, but the one that the lifecycle rule is for', () => {
    const accounts = resourcesOf(snapshot, 'Microsoft.Storage/storageAccounts');
    const managed = resourcesOf(snapshot, 'Microsoft.Storage/storageAccounts/managementPolicies');
    for (const { name, properties: own } of accounts)
      assert.equal(
        (own?.networkAcls as { bypass: string }).bypass,
        managed.some((policy) => policy.name.startsWith(`${name}/`)) ? 'AzureServices' : 'None',
      );
  });

  it('has a private endpoint, registered in DNS, for everything that it reaches', () => {
    const endpoints = resourcesOf(snapshot, 'Microsoft.Network/privateEndpoints').map(({ name }) => name);
    assert.deepEqual(endpoints.toSorted(), [
      'pe-function',
      'pe-host-blob',
      'pe-host-queue',
      'pe-host-table',
      'pe-images',
      'pe-monitor',
      'pe-registry-exampleregistry',
      'pe-vault',
    ]);
    const zones = resourcesOf(snapshot, 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups');
    assert.deepEqual(
      zones.map(({ name }) => name).toSorted(),
      endpoints.map((name) => `${name}/default`).toSorted(),
    );
  });

  it('registers endpoints in zones that it makes', () => {
    const made = new Set(
      resourcesOf(snapshot, 'Microsoft.Network/privateDnsZones').map(({ id }) => zoneOf(id)),
    );
    for (const group of resourcesOf(snapshot, 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups'))
      for (const [path, value] of properties(group.properties))
        if (path.endsWith('/privateDnsZoneId'))
          assert.ok(made.has(zoneOf(String(value))), `${String(value)} is not made.`);
  });

  it('lets the nodes resolve the app and the archives, and no more', () => {
    const links = resourcesOf(snapshot, 'Microsoft.Network/privateDnsZones/virtualNetworkLinks');
    const nodes = links.filter(({ name }) => name.includes('nodes-'));
    assert.equal(nodes.length, 2);
    assert.ok(nodes.some(({ name }) => name.includes('privatelink.blob.')));
    assert.ok(nodes.some(({ name }) => name.includes('privatelink.azurewebsites.net')));
  });
});

/** `privatelink.blob`, of an id that may be an expression, since the cloud's suffixes are known only to Azure. */
function zoneOf(id: string): string {
  const [zone] = /privatelink(\.(?!\{)[\w-]+)*/.exec(id) ?? [];
  return zone ?? id;
}
