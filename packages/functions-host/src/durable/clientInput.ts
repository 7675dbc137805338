/** What the durableClient input binding gives to a function: where the durable APIs are. */
import { managementUrls } from './clientApi.ts';
import type { ManagementLinks } from './clientApi.ts';

/** JSON text. `url` is the public origin, `rpcBaseUrl` the local RPC endpoint with its path. */
export function clientInput(url: string, rpcBaseUrl: string, links: ManagementLinks): string {
  const baseUrl = `${url}/runtime/webhooks/durabletask`;
  const code = links.systemKey === undefined ? '' : `code=${links.systemKey}`;
  const create = `${baseUrl}/orchestrators/{functionName}[/{instanceId}]`;
  const management = managementUrls(url, 'INSTANCEID', links);
  return JSON.stringify({
    taskHubName: links.taskHubName,
    connectionName: null,
    creationUrls: {
      createNewInstancePostUri: code === '' ? create : `${create}?${code}`,
      createAndWaitOnNewInstancePostUri:
        `${create}?timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}` +
        (code === '' ? '' : `&${code}`),
    },
    managementUrls: {
      ...management,
      rewindPostUri: management.restartPostUri.replace('/restart?', '/rewind?reason={text}&'),
    },
    baseUrl,
    requiredQueryStringParameters: code,
    rpcBaseUrl,
    httpBaseUrl: null,
    maxGrpcMessageSizeInBytes: null,
    grpcHttpClientTimeout: null,
  });
}
