// The virtual network of the private shape: the app's outbound subnet, the private endpoints' subnet, and DNS.

import { DnsZone, zoneNames } from 'dnsZones.bicep'
import { Network } from 'types.bicep'

param name string
param location string
param tags { *: string }
param network Network

@description('Private DNS zones that only this network resolves.')
param ownZones DnsZone[]

@description('Private DNS zones that the compute nodes\' networks resolve as well.')
param sharedZones DnsZone[]

var zones = network.createDnsZones ? concat(ownZones, sharedZones) : []
var nodeLinks = network.createDnsZones
  ? flatten(map(sharedZones, zone => map(network.nodeNetworkIds, id => { zone: zone, networkId: id })))
  : []

// Nobody calls the app's subnet: callers use its private endpoint.
resource functionRules 'Microsoft.Network/networkSecurityGroups@2026-01-01' = {
  name: 'nsg-${name}-function'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'nothing-comes-in'
        properties: {
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource endpointRules 'Microsoft.Network/networkSecurityGroups@2026-01-01' = {
  name: 'nsg-${name}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'https-from-these-networks'
        properties: {
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          // Peered networks count as this one.
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: network.endpointSubnetPrefix
          destinationPortRange: '443'
        }
      }
      {
        name: 'nothing-else-comes-in'
        properties: {
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

// For outbound connections only: nothing listens at this address.
resource egressAddress 'Microsoft.Network/publicIPAddresses@2026-01-01' = if (network.internetEgress) {
  name: 'pip-${name}-egress'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource egress 'Microsoft.Network/natGateways@2026-01-01' = if (network.internetEgress) {
  name: 'ng-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: {
    publicIpAddresses: [{ id: egressAddress.id }]
  }
}

resource virtualNetwork 'Microsoft.Network/virtualNetworks@2026-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [network.addressPrefix] }
    // In the network itself, since a subnet resource of its own is removed by the next deployment of the network.
    subnets: [
      {
        name: 'function'
        properties: {
          addressPrefix: network.functionSubnetPrefix
          defaultOutboundAccess: false
          delegations: [
            {
              name: 'flex-consumption'
              properties: { serviceName: 'Microsoft.App/environments' }
            }
          ]
          natGateway: network.internetEgress ? { id: egress.id } : null
          networkSecurityGroup: { id: functionRules.id }
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: network.endpointSubnetPrefix
          defaultOutboundAccess: false
          networkSecurityGroup: { id: endpointRules.id }
          privateEndpointNetworkPolicies: 'NetworkSecurityGroupEnabled'
        }
      }
    ]
  }

  resource functionSubnet 'subnets' existing = {
    name: 'function'
  }

  resource endpointSubnet 'subnets' existing = {
    name: 'endpoints'
  }
}

resource dnsZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in zones: {
    name: zoneNames[zone]
    #disable-next-line no-hardcoded-location // It has no region.
    location: 'global'
    tags: tags
  }
]

resource dnsLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (_, index) in zones: {
    parent: dnsZones[index]
    name: name
    #disable-next-line no-hardcoded-location // It has no region.
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      // What is private elsewhere, and has no endpoint here, keeps its public name.
      resolutionPolicy: 'NxDomainRedirect'
      virtualNetwork: { id: virtualNetwork.id }
    }
  }
]

resource nodeDnsLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for link in nodeLinks: {
    name: '${zoneNames[link.zone]}/nodes-${uniqueString(link.networkId)}'
    #disable-next-line no-hardcoded-location // It has no region.
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      resolutionPolicy: 'NxDomainRedirect'
      #disable-next-line use-resource-id-functions // It comes from a parameter, in an object.
      virtualNetwork: { id: link.networkId }
    }
    dependsOn: [dnsZones]
  }
]

output id string = virtualNetwork.id
output functionSubnetId string = virtualNetwork::functionSubnet.id
output endpointSubnetId string = virtualNetwork::endpointSubnet.id
