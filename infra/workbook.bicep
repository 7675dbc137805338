// The operator's workbook, found in the portal under Application Insights, Workbooks.

param location string
param tags { *: string }
param applicationInsightsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Image cache'
    category: 'workbook'
    sourceId: applicationInsightsId
    serializedData: string(loadJsonContent('workbook.json'))
    version: '1.0'
  }
}
