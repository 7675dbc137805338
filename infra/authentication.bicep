// Microsoft Entra in front of the app, beside its function keys. No sign-in page: callers bring a token.

param appName string
param clientId string
param allowedClientIds string[]

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
      // What a probe asks, and what a node asks before it can have a token. Neither says anything of what is cached.
      excludedPaths: ['/api/health', '/api/node/tes-node']
    }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [clientId, 'api://${clientId}']
          defaultAuthorizationPolicy: { allowedApplications: allowedClientIds }
        }
      }
    }
    login: { tokenStore: { enabled: false } }
  }
}
