/** What keeps the state of runs, as `durableBackend` of infra/main.bicep has it. */
const BACKENDS = ['AzureStorage', 'DurableTaskScheduler'] as const;

/**
 * host.json for a backend of Durable Functions. What scales an app on Azure reads the backend from this file alone, and
 * not from the settings that take its place in the host: named nowhere else, runs would not be woken.
 * https://github.com/Azure/azure-functions-durable-extension/issues/2622
 * @param text of host.json, which names Azure Storage
 * @param backend empty: as it is
 * @throws {Error} naming a backend that is none
 */
export function hostJson(text: string, backend = ''): string {
  if (backend === '' || backend === 'AzureStorage') return text;
  if (backend !== 'DurableTaskScheduler')
    throw new Error(`DURABLE_BACKEND is "${backend}"; it must be ${BACKENDS.join(' or ')}.`);
  const host = JSON.parse(text) as HostJson;
  host.extensions.durableTask.storageProvider = {
    type: 'azureManaged',
    connectionStringName: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING',
  };
  return `${JSON.stringify(host, null, 2)}\n`;
}

interface HostJson {
  readonly extensions: { readonly durableTask: { storageProvider: object } };
}
