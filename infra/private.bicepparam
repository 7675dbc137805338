// The fully private shape, with everything on that can be: no public access, no way out but to named registries.
// Copy it, put your own ids in, and deploy it: `az deployment sub create`, as README.md says.

using 'main.bicep'

param environmentName = 'image-cache-private'
param location = 'westeurope'
param tags = { workload: 'image-cache' }

param network = {
  addressPrefix: '10.80.0.0/24'
  functionSubnetPrefix: '10.80.0.0/26'
  endpointSubnetPrefix: '10.80.0.64/26'
  internetEgress: false
  createDnsZones: true
  nodeNetworkIds: [
    '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-batch/providers/Microsoft.Network/virtualNetworks/vnet-batch'
  ]
}

param registryIds = [
  '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-registries/providers/Microsoft.ContainerRegistry/registries/exampleregistry'
]
param settings = { ALLOWED_REGISTRIES: 'exampleregistry.azurecr.io' }
// For a second deployment: in a first one the vault has no such secret yet, and the app would not start.
param hasRegistryCredentials = true

// Where Entra in front has a way to login.microsoftonline.com: a firewall of the network, or internetEgress.
param entra = {
  clientId: '00000000-0000-0000-0000-00000000000a'
  allowedClientIds: ['00000000-0000-0000-0000-00000000000b']
}
param operator = {
  principalId: '00000000-0000-0000-0000-00000000000c'
  principalType: 'Group'
}

param alwaysReadyDurable = 1
param imageStorageSku = 'Standard_ZRS'
param alertEmails = ['operators@example.org']
param logRetentionDays = 90
param isLocked = true
