// The private DNS zones of the services, by a short name of each:
// https://learn.microsoft.com/azure/private-link/private-endpoint-dns

@export()
type DnsZone =
  | 'automation'
  | 'blob'
  | 'monitor'
  | 'ods'
  | 'oms'
  | 'queue'
  | 'registry'
  | 'scheduler'
  | 'sites'
  | 'table'
  | 'vault'

@export()
var zoneNames = {
  automation: 'privatelink.agentsvc.azure-automation.net'
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  monitor: 'privatelink.monitor.azure.com'
  ods: 'privatelink.ods.opinsights.azure.com'
  oms: 'privatelink.oms.opinsights.azure.com'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  registry: 'privatelink${environment().suffixes.acrLoginServer}'
  scheduler: 'privatelink.durabletask.io'
  sites: 'privatelink.azurewebsites.net'
  table: 'privatelink.table.${environment().suffixes.storage}'
  vault: 'privatelink.vaultcore.azure.net'
}

@export()
@description('Azure Monitor\'s endpoint is registered in all of these.')
var monitorZones DnsZone[] = ['automation', 'blob', 'monitor', 'ods', 'oms']
