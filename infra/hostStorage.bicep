// What the Functions host keeps: keys, timers' locks, the task hub of Durable Functions, and the deployed package.

import { roles } from 'roles.bicep'

param name string
param location string
param tags { *: string }
param identityName string
param isPrivate bool

@description('Whether the task hub lies here: queues are used for nothing else.')
param holdsTaskHub bool

var packageContainer = 'app-package'

// Contributor of blobs, not Owner: nobody here changes owners or access lists.
// https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-configure-managed-identity
var identityRoles = union(
  [
    roles.storageBlobDataContributor
    roles.storageTableDataContributor
  ],
  holdsTaskHub ? [roles.storageQueueDataContributor] : []
)

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      // Without a virtual network the app has no fixed address that could be allowed.
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource package 'containers' = {
      name: packageContainer
      properties: { publicAccess: 'None' }
    }
  }
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in identityRoles: {
    name: guid(account.id, identity.id, role)
    scope: account
    properties: {
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]

output id string = account.id
output blobServiceUri string = account.properties.primaryEndpoints.blob
output queueServiceUri string = account.properties.primaryEndpoints.queue
output tableServiceUri string = account.properties.primaryEndpoints.table
output packageContainerUri string = '${account.properties.primaryEndpoints.blob}${packageContainer}'
