// Logs and metrics. Whoever sends them signs in: local authentication, which a leaked key would open, is off.

import { roles } from 'roles.bicep'

param applicationInsightsName string
param workspaceName string
param location string
param tags { *: string }
param identityName string
param isPrivate bool
param isLocked bool
param retentionDays int

var publicAccess = isPrivate ? 'Disabled' : 'Enabled'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    features: { disableLocalAuth: true }
    publicNetworkAccessForIngestion: publicAccess
    publicNetworkAccessForQuery: publicAccess
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
    publicNetworkAccessForIngestion: publicAccess
    publicNetworkAccessForQuery: publicAccess
  }
}

resource publishes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, identity.id, roles.monitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.monitoringMetricsPublisher
    )
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  name: 'keep'
  scope: workspace
  properties: {
    level: 'CanNotDelete'
    notes: 'What happened, and who signed in.'
  }
}

// Azure Monitor is reached through one scope, not by the single resource.
resource linkScope 'Microsoft.Insights/privateLinkScopes@2021-09-01' = if (isPrivate) {
  name: 'ampls-${applicationInsightsName}'
  #disable-next-line no-hardcoded-location // It has no region.
  location: 'global'
  tags: tags
  properties: {
    accessModeSettings: {
      ingestionAccessMode: 'PrivateOnly'
      queryAccessMode: 'PrivateOnly'
    }
  }
}

resource linkedWorkspace 'Microsoft.Insights/privateLinkScopes/scopedResources@2021-09-01' = if (isPrivate) {
  parent: linkScope
  name: workspaceName
  properties: { linkedResourceId: workspace.id }
}

resource linkedInsights 'Microsoft.Insights/privateLinkScopes/scopedResources@2021-09-01' = if (isPrivate) {
  parent: linkScope
  name: applicationInsightsName
  properties: { linkedResourceId: insights.id }
  // A scope takes one member at a time: a second one meanwhile is refused as a conflict.
  dependsOn: [linkedWorkspace]
}

output applicationInsightsId string = insights.id
output applicationInsightsName string = insights.name
output connectionString string = insights.properties.ConnectionString
output workspaceId string = workspace.id
output linkScopeId string = isPrivate ? linkScope.id : ''
