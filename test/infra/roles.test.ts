import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import host from '../../host.json' with { type: 'json' };
import { azureCalls } from './support/azureCalls.ts';
import {
  appSettings,
  type PredictedResource,
  readSnapshot,
  resourcesOf,
  SHAPES,
  type Snapshot,
  theResource,
} from './support/snapshot.ts';

/**
 * Who may do what, held against what is done: every call of an Azure SDK in src needs an action, the host needs some
 * for its settings, and a role assignment that nothing needs is as wrong as one that is missing.
 */

const BLOBS = 'Microsoft.Storage/storageAccounts/blobServices';
const QUEUES = 'Microsoft.Storage/storageAccounts/queueServices';
const TABLES = 'Microsoft.Storage/storageAccounts/tableServices';
const ROLE = 'Microsoft.Authorization/roleAssignments';

/**
 * What each call needs, by https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory;
 * undefined: it sends nothing.
 */
const CALLS: Readonly<Record<string, string | undefined>> = {
  // Over the registry client's own connections and sign-in, whose audience is below.
  '@azure/container-registry: ContainerRegistryClient.getArtifact': undefined,
  '@azure/container-registry: ContainerRegistryClient.listRepositoryNames': undefined,
  '@azure/container-registry: ContainerRegistryClient.new': undefined,
  '@azure/container-registry: RegistryArtifact.listTagProperties': undefined,
  '@azure/core-rest-pipeline: createHttpHeaders': undefined,
  // Its audiences are below, and storage's own calls say what they need.
  '@azure/core-auth: TokenCredential.getToken': undefined,
  '@azure/core-paging: ()': undefined,
  '@azure/core-rest-pipeline: HttpHeaders.get': undefined,
  '@azure/identity: DefaultAzureCredential.new': undefined,
  '@azure/identity: ManagedIdentityCredential.new': undefined,
  // They send as the host does, with the role that its own telemetry needs.
  '@azure/monitor-opentelemetry-exporter: AzureMonitorMetricExporter.new': undefined,
  '@azure/monitor-opentelemetry-exporter: AzureMonitorTraceExporter.new': undefined,
  // Neither leaves the process: one ends a timer, the other goes on with a request of the exporter's.
  '@azure/monitor-opentelemetry-exporter: ConfigurationManager.getInstance': undefined,
  '@azure/monitor-opentelemetry-exporter: ConfigurationManager.shutdown': undefined,
  '@azure/core-rest-pipeline: ()': undefined,
  '@azure/storage-blob: BlobClient.delete': `${BLOBS}/containers/blobs/delete`,
  '@azure/storage-blob: BlobClient.deleteIfExists': `${BLOBS}/containers/blobs/delete`,
  '@azure/storage-blob: BlobClient.download': `${BLOBS}/containers/blobs/read`,
  '@azure/storage-blob: BlobClient.exists': `${BLOBS}/containers/blobs/read`,
  '@azure/storage-blob: BlobClient.getProperties': `${BLOBS}/containers/blobs/read`,
  '@azure/storage-blob: BlobClient.setMetadata': `${BLOBS}/containers/blobs/write`,
  '@azure/storage-blob: BlobSASPermissions.parse': undefined,
  '@azure/storage-blob: BlobServiceClient.fromConnectionString': undefined,
  '@azure/storage-blob: BlobServiceClient.getContainerClient': undefined,
  '@azure/storage-blob: BlobServiceClient.getUserDelegationKey': `${BLOBS}/generateUserDelegationKey/action`,
  '@azure/storage-blob: BlobServiceClient.new': undefined,
  '@azure/storage-blob: BlockBlobClient.commitBlockList': `${BLOBS}/containers/blobs/write`,
  '@azure/storage-blob: BlockBlobClient.getBlockList': `${BLOBS}/containers/blobs/read`,
  '@azure/storage-blob: BlockBlobClient.stageBlock': `${BLOBS}/containers/blobs/write`,
  '@azure/storage-blob: BlockBlobClient.upload': `${BLOBS}/containers/blobs/write`,
  '@azure/storage-blob: ContainerClient.createIfNotExists': `${BLOBS}/containers/write`,
  '@azure/storage-blob: ContainerClient.deleteBlob': `${BLOBS}/containers/blobs/delete`,
  '@azure/storage-blob: ContainerClient.exists': `${BLOBS}/containers/read`,
  '@azure/storage-blob: ContainerClient.getBlobClient': undefined,
  '@azure/storage-blob: ContainerClient.getBlockBlobClient': undefined,
  '@azure/storage-blob: ContainerClient.listBlobsFlat': `${BLOBS}/containers/blobs/read`,
  '@azure/storage-blob: generateBlobSASQueryParameters': undefined,
};

/** Audiences of the tokens that src asks for by itself, and what is done with them. */
const AUDIENCES: Readonly<Record<string, string>> = {
  'https://containerregistry.azure.net/.default': 'Microsoft.ContainerRegistry/registries/pull/read',
};

/**
 * The built-in roles by id, with those of their actions that matter here:
 * https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
 */
const ROLES: Readonly<Record<string, { readonly name: string; readonly actions: readonly string[] }>> = {
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe': {
    name: 'Storage Blob Data Contributor',
    actions: [
      ...['delete', 'read', 'write'].map((verb) => `${BLOBS}/containers/${verb}`),
      ...['delete', 'read', 'write', 'add/action', 'move/action'].map(
        (verb) => `${BLOBS}/containers/blobs/${verb}`,
      ),
      `${BLOBS}/generateUserDelegationKey/action`,
    ],
  },
  'db58b8e5-c6ad-4a2a-8342-4190687cbf4a': {
    name: 'Storage Blob Delegator',
    actions: [`${BLOBS}/generateUserDelegationKey/action`],
  },
  '974c5e8b-45b9-4653-ba55-5f855dd0fb88': {
    name: 'Storage Queue Data Contributor',
    actions: [`${QUEUES}/queues/write`, `${QUEUES}/queues/messages/write`],
  },
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3': {
    name: 'Storage Table Data Contributor',
    actions: [`${TABLES}/tables/write`, `${TABLES}/tables/entities/write`],
  },
  '7f951dda-4ed3-4680-a7ca-43fe172d538d': {
    name: 'AcrPull',
    actions: ['Microsoft.ContainerRegistry/registries/pull/read'],
  },
  '3913510d-42f4-4e42-8a64-420c390055eb': {
    name: 'Monitoring Metrics Publisher',
    actions: ['Microsoft.Insights/Telemetry/Write'],
  },
  '4633458b-17de-408a-b874-0445c86b69e6': {
    name: 'Key Vault Secrets User',
    actions: ['Microsoft.KeyVault/vaults/secrets/getSecret/action'],
  },
  '0ad04412-c4d5-4796-b79c-f76d14c8d402': {
    name: 'Durable Task Data Contributor',
    actions: ['Microsoft.DurableTask/schedulers/taskHubs/instances/write'],
  },
};

const SECRETS_OFFICER = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7';

interface Need {
  readonly action: string;
  /** The resource on which it is done, by id. */
  readonly on: string;
  readonly why: string;
}

const calls = azureCalls();

describe('Azure calls in src', () => {
  it('are all in the table above, with the action that they need', () => {
    const unknown = [...calls].filter((call) => !Object.hasOwn(CALLS, call));
    assert.deepEqual(unknown, [], 'New calls: say in CALLS what they need.');
  });

  it('are all still made', () => {
    const stale = Object.keys(CALLS).filter((call) => !calls.has(call));
    assert.deepEqual(stale, [], 'Calls that are no longer made: remove them from CALLS.');
  });

  it('ask for tokens of known audiences only', () => {
    const asked = globSync('src/**/*.ts').flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/https:\/\/[\w.-]+\/\.default/g)].map(([audience]) => audience),
    );
    assert.deepEqual([...new Set(asked)].sort(), Object.keys(AUDIENCES).sort());
  });
});

for (const shape of SHAPES) {
  describe(`roles of the app's identity: ${shape}`, () => {
    const snapshot = readSnapshot(shape);
    const identity = theResource(snapshot, 'Microsoft.ManagedIdentity/userAssignedIdentities', 'id-');
    const assignments = resourcesOf(snapshot, ROLE).filter((found) =>
      principalOf(found).includes(identity.id),
    );
    const needs = needsOf(snapshot);

    it('cover every call', () => {
      const missing = needs.filter((need) => !assignments.some((assignment) => allows(assignment, need)));
      assert.deepEqual(
        missing.map(({ action, on, why }) => `${why}: no role allows ${action} on ${on}`),
        [],
      );
    });

    for (const assignment of assignments) {
      it(`need ${roleOf(assignment)?.name ?? assignment.id} at ${shortScope(assignment)}`, () => {
        const others = assignments.filter((other) => other !== assignment);
        const lost = needs.filter(
          (need) => allows(assignment, need) && !others.some((other) => allows(other, need)),
        );
        assert.notDeepEqual(lost, [], 'Nothing would miss this role assignment: remove it.');
      });
    }

    it('are the only ones, but for who keeps the secret', () => {
      const rest = resourcesOf(snapshot, ROLE).filter((found) => !assignments.includes(found));
      assert.ok(
        rest.every((found) => roleId(found) === SECRETS_OFFICER && scopeOf(found).includes('/vaults/')),
      );
    });
  });
}

/** All that is done with the app's identity: by src, and by the host for the settings that it is given. */
function needsOf(snapshot: Snapshot): Need[] {
  const settings = appSettings(snapshot);
  const hostAccount = theResource(snapshot, 'Microsoft.Storage/storageAccounts', 'sthost').id;
  const imageAccount = theResource(snapshot, 'Microsoft.Storage/storageAccounts', 'stimages').id;
  const app = theResource(snapshot, 'Microsoft.Web/sites', 'func-');
  const container = settings.IMAGE_CONTAINER ?? '';
  const needs: Need[] = [];

  for (const call of calls) {
    const action = CALLS[call];
    if (action === undefined) continue;
    const places = action.includes('/containers/')
      ? ['', '-index'].map(
          (suffix) => `${imageAccount}/blobServices/default/containers/${container}${suffix}`,
        )
      : [imageAccount];
    needs.push(...places.map((on) => ({ action, on, why: call })));
  }
  for (const registry of registriesOf(snapshot))
    for (const [audience, action] of Object.entries(AUDIENCES))
      needs.push({ action, on: registry, why: audience });

  // https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
  assert.equal(settings.AzureWebJobsStorage__credential, 'managedidentity');
  needs.push(
    ...[`${BLOBS}/containers/write`, `${BLOBS}/containers/blobs/write`].map((action) => ({
      action,
      on: hostAccount,
      why: 'the host: keys, locks of timers, the package',
    })),
    { action: `${TABLES}/tables/entities/write`, on: hostAccount, why: 'the host: diagnostic events' },
  );
  const usesScheduler =
    settings.AzureFunctionsJobHost__extensions__durableTask__storageProvider__type === 'azureManaged';
  if (usesScheduler) {
    const scheduler = theResource(snapshot, 'Microsoft.DurableTask/schedulers', 'dts-').id;
    const action = 'Microsoft.DurableTask/schedulers/taskHubs/instances/write';
    needs.push({ action, on: scheduler, why: 'Durable Functions: the task hub' });
  } else {
    assert.equal(host.extensions.durableTask.storageProvider.type, 'AzureStorage');
    for (const action of [`${QUEUES}/queues/write`, `${TABLES}/tables/write`])
      needs.push({ action, on: hostAccount, why: 'Durable Functions: the task hub' });
  }
  assert.ok(JSON.stringify(app.properties).includes('"type":"UserAssignedIdentity"'));

  if (settings.APPLICATIONINSIGHTS_AUTHENTICATION_STRING?.includes('Authorization=AAD') === true)
    needs.push({
      action: 'Microsoft.Insights/Telemetry/Write',
      on: theResource(snapshot, 'Microsoft.Insights/components', 'appi-').id,
      why: 'telemetry',
    });
  if (settings.DOCKER_AUTH_CONFIG?.includes('@Microsoft.KeyVault(') === true)
    needs.push({
      action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action',
      on: theResource(snapshot, 'Microsoft.KeyVault/vaults', 'kv-').id,
      why: 'DOCKER_AUTH_CONFIG',
    });
  return needs;
}

/** The registries that the parameters name, as the private endpoints tell them. */
function registriesOf(snapshot: Snapshot): string[] {
  return resourcesOf(snapshot, 'Microsoft.Network/privateEndpoints').flatMap(({ properties }) => {
    const [found] =
      /\/[^"]+\/Microsoft\.ContainerRegistry\/registries\/\w+/.exec(JSON.stringify(properties)) ?? [];
    return found === undefined ? [] : [found];
  });
}

/** A role holds where it is assigned, and below. */
function allows(assignment: PredictedResource, need: Need): boolean {
  const scope = scopeOf(assignment);
  const reaches = need.on === scope || need.on.startsWith(`${scope}/`);
  return reaches && roleOf(assignment)?.actions.includes(need.action) === true;
}

function scopeOf({ id }: PredictedResource): string {
  return id.slice(0, id.lastIndexOf(`/providers/${ROLE}/`));
}

function shortScope(assignment: PredictedResource): string {
  return scopeOf(assignment).split('/providers/').at(-1) ?? '';
}

function roleId({ properties }: PredictedResource): string {
  return String(properties?.roleDefinitionId).split('/').at(-1) ?? '';
}

function roleOf(assignment: PredictedResource): (typeof ROLES)[string] | undefined {
  return ROLES[roleId(assignment)];
}

function principalOf({ properties }: PredictedResource): string {
  return String(properties?.principalId);
}
