// What parameters take.

import { DnsZone } from 'dnsZones.bicep'

@export()
@description('A virtual network of the deployment\'s own. Where it is given, nothing is reachable from the internet.')
type Network = {
  @description('The network\'s address space, CIDR.')
  addressPrefix: string

  @description('Outbound traffic of the app: /27 or larger, since every instance takes an address.')
  functionSubnetPrefix: string

  @description('The private endpoints: /27 or larger.')
  endpointSubnetPrefix: string

  @description('Whether the app may go out to the internet, through a NAT gateway. Needed for public registries.')
  internetEgress: bool

  @description('Whether to create the private DNS zones. false where a policy or a hub registers private endpoints.')
  createDnsZones: bool

  @description('Resource ids of the virtual networks of compute nodes: they resolve the app and the archives, too.')
  nodeNetworkIds: string[]
}

@export()
@description('Microsoft Entra in front of the app: a request without a token of an allowed client gets 401.')
type EntraAuthentication = {
  @description('Client id of the app registration that stands for this service.')
  clientId: string

  @description('Client ids of the applications and managed identities that may call it.')
  @minLength(1)
  allowedClientIds: string[]
}

@export()
@description('Who runs the deployment and sets the registries\' credentials; azd fills it in.')
type Operator = {
  principalId: string
  principalType: 'Group' | 'ServicePrincipal' | 'User'
}

@export()
@description('One private endpoint, and the DNS zones in which it is registered.')
type PrivateEndpoint = {
  name: string
  serviceId: string
  @description('The sub-resource, such as blob.')
  groupId: string
  zones: DnsZone[]
}
