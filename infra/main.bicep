// The image cache on Azure: its resource group and all in it. README.md says what each part is for.

targetScope = 'subscription'

import { monitorZones } from 'dnsZones.bicep'
import { EntraAuthentication, Network, Operator } from 'types.bicep'

@description('Names the deployment; resources take their names from it. azd: AZURE_ENV_NAME.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('The region of all resources. Flex Consumption has to be there.')
param location string

@description('Made where it is missing.')
param resourceGroupName string = 'rg-${environmentName}'

@description('Tags of every resource.')
param tags { *: string } = {}

@description('Archives that nobody used for so many days are deleted.')
@minValue(1)
@maxValue(3650)
param pruneAfterDays int = 30

@description('The container of the archives; the hints lie in one of the same name with -index after it.')
@minLength(3)
@maxLength(57)
param imageContainer string = 'dockerimages'

// Not secure, so that predictions show what the app is given.
@description('More settings of the app by name, as the project\'s README lists them. No secrets: deployments show them.')
param settings { *: string } = {}

@description('Resource ids of the Azure container registries to pull from, in any group or subscription.')
param registryIds string[] = []

@description('Whether the vault has credentials for other registries in its secret docker-auth-config.')
param hasRegistryCredentials bool = false

@description('MB of one instance.')
param instanceMemoryMB 2048 | 4096 = 2048

@description('Instances at most.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Instances that are kept running for orchestrations and activities.')
@minValue(0)
@maxValue(20)
param alwaysReadyDurable int = 0

@description('Requests that one instance answers at once before another is started.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 100

@description('What keeps the state of runs.')
param durableBackend 'AzureStorage' | 'DurableTaskScheduler' = 'AzureStorage'

@description('Given: the private shape, in this network.')
param network Network?

@description('Given: callers need a token of Microsoft Entra beside the function key.')
param entra EntraAuthentication?

@description('Who may set the registries\' credentials in the vault.')
param operator Operator?

@description('Whom alerts are mailed to. Without any, they are seen in the portal only.')
param alertEmails string[] = []

@description('GiB of archives above which an alert is raised.')
@minValue(1)
param storeAlertGiB int = 1024

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Locally redundant: an image that is lost is pulled again. Zone-redundant: a lost zone costs no pulls.')
param imageStorageSku 'Standard_LRS' | 'Standard_ZRS' = 'Standard_LRS'

@description('Whether archives, vault and logs are locked against deletion. azd down fails then.')
param isLocked bool = false

var token = toLower(uniqueString(subscription().id, environmentName, location))
var allTags = union(tags, { 'azd-env-name': environmentName })
// Names that are known before anything is made, so that a preview can show what depends on them.
var identityName = 'id-${token}'
var workspaceName = 'log-${token}'
var isPrivate = network != null
var usesScheduler = durableBackend == 'DurableTaskScheduler'
// hubName in host.json.
var taskHub = 'ImageCache'

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: location
  tags: allTags
}

module identity 'identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: identityName
    location: location
    tags: allTags
  }
}

module hostStorage 'hostStorage.bicep' = {
  name: 'host-storage'
  scope: group
  params: {
    name: 'sthost${token}'
    location: location
    tags: allTags
    identityName: identityName
    isPrivate: isPrivate
    holdsTaskHub: !usesScheduler
  }
  dependsOn: [identity]
}

module imageStorage 'imageStorage.bicep' = {
  name: 'image-storage'
  scope: group
  params: {
    name: 'stimages${token}'
    location: location
    tags: allTags
    identityName: identityName
    isPrivate: isPrivate
    sku: imageStorageSku
    container: imageContainer
    pruneAfterDays: pruneAfterDays
    isLocked: isLocked
  }
  dependsOn: [identity]
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    applicationInsightsName: 'appi-${token}'
    workspaceName: workspaceName
    location: location
    tags: allTags
    identityName: identityName
    isPrivate: isPrivate
    isLocked: isLocked
    retentionDays: logRetentionDays
  }
  dependsOn: [identity]
}

module alerts 'alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    emails: alertEmails
    storeAlertGiB: storeAlertGiB
  }
}

module workbook 'workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: allTags
    applicationInsightsId: monitoring.outputs.applicationInsightsId
  }
}

module keyVault 'keyVault.bicep' = {
  name: 'key-vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: allTags
    identityName: identityName
    workspaceName: workspaceName
    isPrivate: isPrivate
    isLocked: isLocked
    isRead: hasRegistryCredentials
    operator: operator
  }
  dependsOn: [identity, monitoring]
}

module registryPulls 'registryPull.bicep' = [
  for id in registryIds: {
    name: 'pull-${uniqueString(environmentName, id)}'
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      registryName: last(split(id, '/'))
      identityId: resourceId(
        subscription().subscriptionId,
        group.name,
        'Microsoft.ManagedIdentity/userAssignedIdentities',
        identityName
      )
      principalId: identity.outputs.principalId
    }
  }
]

module taskScheduler 'taskScheduler.bicep' = if (usesScheduler) {
  name: 'task-scheduler'
  scope: group
  params: {
    name: 'dts-${token}'
    location: location
    tags: allTags
    identityName: identityName
    isPrivate: isPrivate
    taskHub: taskHub
  }
  dependsOn: [identity]
}

module virtualNetwork 'network.bicep' = if (network != null) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: allTags
    network: network!
    ownZones: concat(
      ['queue', 'table', 'vault'],
      filter(monitorZones, zone => zone != 'blob'),
      empty(registryIds) ? [] : ['registry'],
      usesScheduler ? ['scheduler'] : []
    )
    sharedZones: ['blob', 'sites']
  }
}

module privateEndpoints 'privateEndpoints.bicep' = if (isPrivate) {
  name: 'private-endpoints'
  scope: group
  params: {
    location: location
    tags: allTags
    subnetId: virtualNetwork!.outputs.endpointSubnetId
    registersInDns: network!.createDnsZones
    endpoints: concat(
      map(usesScheduler ? ['blob', 'table'] : ['blob', 'queue', 'table'], service => {
        name: 'host-${service}'
        serviceId: hostStorage.outputs.id
        groupId: service
        zones: [service]
      }),
      [
        { name: 'images', serviceId: imageStorage.outputs.id, groupId: 'blob', zones: ['blob'] }
        { name: 'vault', serviceId: keyVault.outputs.id, groupId: 'vault', zones: ['vault'] }
        {
          name: 'monitor'
          serviceId: monitoring.outputs.linkScopeId
          groupId: 'azuremonitor'
          zones: monitorZones
        }
      ],
      map(registryIds, id => {
        name: 'registry-${last(split(id, '/'))}'
        serviceId: id
        groupId: 'registry'
        zones: ['registry']
      }),
      usesScheduler
        ? [
            {
              name: 'scheduler'
              serviceId: taskScheduler!.outputs.id
              groupId: 'scheduler'
              zones: ['scheduler']
            }
          ]
        : []
    )
  }
}

module functionApp 'functionApp.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: allTags
    identityId: identity.outputs.id
    packageContainerUri: hostStorage.outputs.packageContainerUri
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    // What scales the app reads host.json itself. A release's names Azure Storage: nothing would wake the app.
    alwaysReadyDurable: usesScheduler ? max(alwaysReadyDurable, 1) : alwaysReadyDurable
    httpConcurrency: httpConcurrency
    functionSubnetId: isPrivate ? virtualNetwork!.outputs.functionSubnetId : ''
    isPrivate: isPrivate
    entra: entra
    settings: union(
      settings,
      {
        AzureWebJobsStorage__blobServiceUri: hostStorage.outputs.blobServiceUri
        AzureWebJobsStorage__queueServiceUri: hostStorage.outputs.queueServiceUri
        AzureWebJobsStorage__tableServiceUri: hostStorage.outputs.tableServiceUri
        AzureWebJobsStorage__credential: 'managedidentity'
        AzureWebJobsStorage__clientId: identity.outputs.clientId
        IMAGE_STORAGE__blobServiceUri: imageStorage.outputs.blobServiceUri
        IMAGE_STORAGE__clientId: identity.outputs.clientId
        IMAGE_CONTAINER: imageContainer
        PRUNE_AFTER_DAYS: string(pruneAfterDays)
        ACR_IDENTITY_CLIENT_ID: identity.outputs.clientId
        APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.connectionString
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.outputs.clientId};Authorization=AAD'
      },
      hasRegistryCredentials
        ? { DOCKER_AUTH_CONFIG: '@Microsoft.KeyVault(SecretUri=${keyVault.outputs.uri}secrets/docker-auth-config)' }
        : {},
      usesScheduler
        ? {
            DURABLE_TASK_SCHEDULER_CONNECTION_STRING: 'Endpoint=${taskScheduler!.outputs.endpoint};Authentication=ManagedIdentity;ClientID=${identity.outputs.clientId}'
            AzureFunctionsJobHost__extensions__durableTask__storageProvider__type: 'azureManaged'
            AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING'
          }
        : {}
    )
  }
  // Its first start needs the endpoints' names.
  dependsOn: [privateEndpoints]
}

module functionEndpoint 'privateEndpoints.bicep' = if (isPrivate) {
  name: 'function-endpoint'
  scope: group
  params: {
    location: location
    tags: allTags
    subnetId: virtualNetwork!.outputs.endpointSubnetId
    registersInDns: network!.createDnsZones
    endpoints: [{ name: 'function', serviceId: functionApp.outputs.id, groupId: 'sites', zones: ['sites'] }]
  }
}

@description('The service, for TES_CACHE_URL and image-cache --service.')
output SERVICE_URL string = functionApp.outputs.url

@description('For az functionapp keys list.')
output FUNCTION_APP_NAME string = functionApp.outputs.name

@description('Where all of it is.')
output AZURE_RESOURCE_GROUP string = group.name

@description('The account that lookups\' URLs lead to: nodes have to reach it.')
output IMAGE_STORAGE_ACCOUNT string = imageStorage.outputs.name

@description('The container of the archives.')
output IMAGE_CONTAINER string = imageContainer

@description('The app\'s identity, for roles on more registries.')
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId

@description('The same identity\'s client id, for an allow list of others.')
output IDENTITY_CLIENT_ID string = identity.outputs.clientId

@description('Where the registries\' credentials go.')
output KEY_VAULT_NAME string = keyVault.outputs.name

@description('For TES_CACHE_AUDIENCE of nodes; empty without Entra in front.')
output ENTRA_AUDIENCE string = entra == null ? '' : 'api://${entra!.clientId}'

@description('Logs, metrics and the workbook.')
output APPLICATION_INSIGHTS_NAME string = monitoring.outputs.applicationInsightsName

@description('The private shape\'s network, to peer compute nodes with; else empty.')
output VIRTUAL_NETWORK_ID string = isPrivate ? virtualNetwork!.outputs.id : ''
