// The archives, in an account of their own: compute nodes get URLs into it, and nothing else lies there.

import { roles } from 'roles.bicep'

param name string
param location string
param tags { *: string }
param identityName string
param isPrivate bool
param sku 'Standard_LRS' | 'Standard_ZRS'
param container string
param pruneAfterDays int
param isLocked bool

@description('Days past prune\'s own time after which storage deletes an archive that prune should have.')
var lifecycleGraceDays = 30

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      // Storage's own lifecycle management, which the rule below is for, stands outside of the network, too.
      bypass: 'AzureServices'
      // Nodes come from networks that this deployment does not know; a signed URL is what lets them in.
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {
    // Every archive can be pulled again: what prune deletes would be paid for once more for nothing.
    deleteRetentionPolicy: { enabled: false }
    containerDeleteRetentionPolicy: { enabled: false }
    isVersioningEnabled: false
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = [
  for suffix in ['', '-index']: {
    parent: blobs
    name: '${container}${suffix}'
    properties: { publicAccess: 'None' }
  }
]

// A use of an image writes its metadata, which is a modification.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'archives-that-prune-left'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['${container}/']
            }
            actions: {
              baseBlob: {
                delete: { daysAfterModificationGreaterThan: pruneAfterDays + lifecycleGraceDays }
              }
            }
          }
        }
      ]
    }
  }
}

// Read, write, delete and list blobs, and make the container where it is missing: in the two containers only.
resource contributes 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (suffix, index) in ['', '-index']: {
    name: guid(account.id, container, suffix, identity.id, roles.storageBlobDataContributor)
    scope: containers[index]
    properties: {
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles.storageBlobDataContributor
      )
    }
  }
]

// A user delegation key signs the URLs of lookups. It is asked for at the account, and gives no access by itself.
resource delegates 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, identity.id, roles.storageBlobDelegator)
  scope: account
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDelegator)
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  name: 'keep'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'Every cached image would have to be pulled again. Blobs can be deleted all the same: prune does.'
  }
}

output id string = account.id
output name string = account.name
output blobServiceUri string = account.properties.primaryEndpoints.blob
