// The plan and the app. What each setting is for stands in README.md beside this file.

import { EntraAuthentication } from 'types.bicep'

param name string
param planName string
param location string
param tags { *: string }

param identityId string
param packageContainerUri string
param settings { *: string }

param instanceMemoryMB 2048 | 4096
param maximumInstanceCount int
param alwaysReadyDurable int
param httpConcurrency int

@description('Where the app goes out; empty outside of the private shape.')
param functionSubnetId string
param isPrivate bool
param entra EntraAuthentication?

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // By this tag azd finds where to deploy.
  tags: union(tags, { 'azd-service-name': 'cache' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    virtualNetworkSubnetId: isPrivate ? functionSubnetId : null
    outboundVnetRouting: isPrivate ? { allTraffic: true } : null
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUri
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'node', version: '22' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyDurable > 0 ? [{ name: 'durable', instanceCount: alwaysReadyDurable }] : []
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
    }
    siteConfig: {
      // No ftpsState and no http20Enabled: Flex Consumption refuses the first, and has no use for the other.
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: settings
  }

  resource ftpSignIn 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scmSignIn 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

module authentication 'authentication.bicep' = if (entra != null) {
  name: 'authentication'
  params: {
    appName: app.name
    clientId: entra.?clientId ?? ''
    allowedClientIds: entra.?allowedClientIds ?? []
  }
}

output id string = app.id
output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
