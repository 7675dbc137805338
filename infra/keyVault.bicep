// The vault of one secret: the registries' credentials, which the app gets as DOCKER_AUTH_CONFIG.

import { roles } from 'roles.bicep'
import { Operator } from 'types.bicep'

param name string
param location string
param tags { *: string }
param identityName string
param workspaceName string
param isPrivate bool
param isLocked bool
param operator Operator?

@description('Whether the app reads the secret: without that it needs no role here.')
param isRead bool

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: workspaceName
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

#disable-next-line use-recent-api-versions // The newer-looking 2016-09-01 knows no category groups.
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: vault
  properties: {
    workspaceId: workspace.id
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

resource reads 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (isRead) {
  name: guid(vault.id, identity.id, roles.keyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
  }
}

resource operates 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (operator != null) {
  name: guid(vault.id, operator.?principalId ?? '', roles.keyVaultSecretsOfficer)
  scope: vault
  properties: {
    principalId: operator.?principalId ?? ''
    principalType: operator.?principalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer)
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  name: 'keep'
  scope: vault
  properties: {
    level: 'CanNotDelete'
    notes: 'The app cannot sign in to registries without it.'
  }
}

output id string = vault.id
output name string = vault.name
output uri string = vault.properties.vaultUri
