// What `azd up` deploys. Each value is an environment variable of azd's: `azd env set NAME VALUE`.

using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'image-cache')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')

param network = bool(toLower(readEnvironmentVariable('PRIVATE_NETWORK', 'false')))
  ? {
      addressPrefix: readEnvironmentVariable('NETWORK_PREFIX', '10.80.0.0/24')
      functionSubnetPrefix: readEnvironmentVariable('FUNCTION_SUBNET_PREFIX', '10.80.0.0/26')
      endpointSubnetPrefix: readEnvironmentVariable('ENDPOINT_SUBNET_PREFIX', '10.80.0.64/26')
      internetEgress: bool(toLower(readEnvironmentVariable('INTERNET_EGRESS', 'false')))
      createDnsZones: bool(toLower(readEnvironmentVariable('CREATE_DNS_ZONES', 'true')))
      nodeNetworkIds: filter(
        map(split(readEnvironmentVariable('NODE_NETWORK_IDS', ''), ','), id => trim(id)),
        id => !empty(id)
      )
    }
  : null

param registryIds = filter(
  map(split(readEnvironmentVariable('REGISTRY_IDS', ''), ','), id => trim(id)),
  id => !empty(id)
)
param hasRegistryCredentials = bool(toLower(readEnvironmentVariable('REGISTRY_CREDENTIALS', 'false')))

param entra = readEnvironmentVariable('ENTRA_CLIENT_ID', '') == ''
  ? null
  : {
      clientId: readEnvironmentVariable('ENTRA_CLIENT_ID', '')
      allowedClientIds: filter(
        map(split(readEnvironmentVariable('ENTRA_ALLOWED_CLIENT_IDS', ''), ','), id => trim(id)),
        id => !empty(id)
      )
    }

param operator = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '') == ''
  ? null
  : {
      principalId: readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
      principalType: readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User')
    }

param alertEmails = filter(
  map(split(readEnvironmentVariable('ALERT_EMAILS', ''), ','), email => trim(email)),
  email => !empty(email)
)

param durableBackend = readEnvironmentVariable('DURABLE_BACKEND', 'AzureStorage')
param alwaysReadyDurable = int(readEnvironmentVariable('ALWAYS_READY_DURABLE', '0'))
param pruneAfterDays = int(readEnvironmentVariable('PRUNE_AFTER_DAYS', '30'))
param settings = json(readEnvironmentVariable('SETTINGS', '{}'))
