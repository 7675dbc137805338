// Microsoft Entra in front of the app, beside its function keys. Callers bring a token; a browser is not sent away, the
// operator's page has a link for signing in.

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
      // What a probe asks, what a node asks before it can have a token, and what people need to sign in or to write a
      // client. They need no function key either, and say nothing of what is cached.
      excludedPaths: ['/api/health', '/api/node/tes-node', '/api/openapi.json', '/api/ui']
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
