import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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

/** Types that the internet can reach unless a property says no: each must have that property. */
const REACHABLE: Readonly<Record<string, string>> = {
  'Microsoft.DurableTask/schedulers': 'publicNetworkAccess',
  'Microsoft.Insights/components': 'publicNetworkAccessForIngestion',
  'Microsoft.KeyVault/vaults': 'publicNetworkAccess',
  'Microsoft.OperationalInsights/workspaces': 'publicNetworkAccessForIngestion',
  'Microsoft.Storage/storageAccounts': 'publicNetworkAccess',
  'Microsoft.Web/sites': 'publicNetworkAccess',
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

    it('is said of every storage account, and of the sign-ins of publishing', () => {
      for (const { name, properties: own } of resourcesOf(snapshot, 'Microsoft.Storage/storageAccounts'))
        for (const rule of ['allowSharedKeyAccess', 'allowBlobPublicAccess', 'minimumTlsVersion'])
          assert.ok(own !== undefined && rule in own, `${name} does not say ${rule}.`);
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
        const rule = REACHABLE[type];
        if (rule !== undefined)
          assert.ok(own !== undefined && rule in own, `${type} ${name} does not say ${rule}.`);
        else assert.match(type, UNREACHABLE, `${type}: say above whether the internet can reach it.`);
      }
    });
  });
}

describe('the private shape', () => {
  const snapshot = readSnapshot('private');

  it('has no address of the internet', () => {
    assert.deepEqual(resourcesOf(snapshot, 'Microsoft.Network/publicIPAddresses'), []);
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
