// Alerts over the events that the service logs, one JSON line each (docs/operations.md).

param location string
param tags { *: string }
param workspaceId string
param emails string[]
param storeAlertGiB int

@description('Of one query. It counts rows: what matters is whether there are any, or fewer than expected.')
type Alert = {
  name: string
  displayName: string
  description: string
  severity: 1 | 2 | 3
  query: string
  operator: 'GreaterThan' | 'GreaterThanOrEqual' | 'LessThan'
  threshold: int
  every: string
  window: string
  @description('A column by which rows are counted apart; empty: all together.')
  dimension: string
}

// KQL. Application Insights keeps a log line as the Message of AppTraces.
var events = 'AppTraces | extend e = parse_json(Message)'

var alerts Alert[] = [
  {
    name: 'failed-images'
    displayName: 'Images cannot be cached'
    description: 'Five images of one registry failed within an hour, and not because a caller misspelt them.'
    severity: 2
    query: '${events} | where e.type == "image_failed" and e.code !in ("image_not_found", "invalid_reference", "unsupported_image") | summarize by registry = tostring(e.registry), image = tostring(e.image)'
    operator: 'GreaterThanOrEqual'
    threshold: 5
    every: 'PT15M'
    window: 'PT1H'
    dimension: 'registry'
  }
  {
    name: 'throttled-registry'
    displayName: 'A registry throttles'
    description: 'Runs were sent away by one registry more than twenty times within an hour.'
    severity: 3
    query: '${events} | where e.type == "registry_wait" and e.code == "registry_throttled" | extend registry = tostring(e.registry)'
    operator: 'GreaterThan'
    threshold: 20
    every: 'PT15M'
    window: 'PT1H'
    dimension: 'registry'
  }
  {
    name: 'store-size'
    displayName: 'The cache is larger than expected'
    description: 'The archives take more than ${storeAlertGiB} GiB.'
    severity: 3
    query: '${events} | where e.type == "store" and tolong(e.bytes) > ${storeAlertGiB} * 1024 * 1024 * 1024'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT1H'
    window: 'P1D'
    dimension: ''
  }
  {
    name: 'no-prune'
    displayName: 'Nothing was pruned for two days'
    description: 'Prune did not end within two days: the app does not run, or its timer fails. Before the first prune of a new deployment this is no fault.'
    severity: 2
    query: '${events} | where e.type == "prune"'
    operator: 'LessThan'
    threshold: 1
    every: 'PT1H'
    window: 'P2D'
    dimension: ''
  }
]

resource mails 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(emails)) {
  name: 'ag-image-cache'
  #disable-next-line no-hardcoded-location // It has no region.
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'image-cache'
    emailReceivers: [
      for email in emails: {
        name: email
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource rules 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for alert in alerts: {
    name: alert.name
    location: location
    tags: tags
    properties: {
      displayName: alert.displayName
      description: alert.description
      severity: alert.severity
      enabled: true
      scopes: [workspaceId]
      // A new workspace may not have the table yet.
      skipQueryValidation: true
      evaluationFrequency: alert.every
      windowSize: alert.window
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: alert.operator
            threshold: alert.threshold
            dimensions: empty(alert.dimension) ? [] : [{ name: alert.dimension, operator: 'Include', values: ['*'] }]
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: empty(emails) ? [] : [mails.id] }
    }
  }
]
