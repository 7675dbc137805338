// Private endpoints in one subnet, each registered in its DNS zones.

import { zoneNames } from 'dnsZones.bicep'
import { PrivateEndpoint } from 'types.bicep'

param endpoints PrivateEndpoint[]
param location string
param tags { *: string }
param subnetId string

@description('false where a policy registers them.')
param registersInDns bool

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2026-01-01' = [
  for endpoint in endpoints: {
    name: 'pe-${endpoint.name}'
    location: location
    tags: tags
    properties: {
      customNetworkInterfaceName: 'nic-${endpoint.name}'
      subnet: { id: subnetId }
      privateLinkServiceConnections: [
        {
          name: endpoint.name
          properties: {
            #disable-next-line use-resource-id-functions // It comes from the caller, in an object.
            privateLinkServiceId: endpoint.serviceId
            groupIds: [endpoint.groupId]
          }
        }
      ]
    }
  }
]

resource registrations 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2026-01-01' = [
  for (endpoint, index) in endpoints: if (registersInDns) {
    parent: privateEndpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        for zone in endpoint.zones: {
          name: zone
          properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', zoneNames[zone]) }
        }
      ]
    }
  }
]
