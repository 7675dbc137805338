// The Durable Task Scheduler in place of Azure Storage, in the private shape: what the two change together.

using 'main.bicep'

param environmentName = 'image-cache-scheduler'
param location = 'westeurope'
param durableBackend = 'DurableTaskScheduler'

param network = {
  addressPrefix: '10.80.0.0/24'
  functionSubnetPrefix: '10.80.0.0/26'
  endpointSubnetPrefix: '10.80.0.64/26'
  // Public registries, through one address.
  internetEgress: true
  createDnsZones: true
  nodeNetworkIds: []
}
