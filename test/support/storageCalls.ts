import { channel } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

/**
 * The calls that this process makes at a storage account while `work` runs, in order: method, what kind of call it is
 * (`comp`), and the blob, as `PUT metadata dockerimages/library/x.tar`.
 * @param connectionString of Azurite, which is reached by plain http
 */
export async function storageCalls(
  connectionString: string,
  work: () => Promise<unknown>,
): Promise<readonly string[]> {
  const endpoint = new URL(/BlobEndpoint=([^;]+)/.exec(connectionString)?.[1] ?? '');
  const calls: string[] = [];
  const started = channel('http.client.request.start');
  const note = (message: unknown): void => {
    const { request } = message as { readonly request: ClientRequest };
    const url = new URL(request.path, `http://${String(request.getHeader('host'))}`);
    if (url.host !== endpoint.host) return;
    const path = decodeURIComponent(url.pathname.slice(endpoint.pathname.length + 1));
    calls.push(
      [request.method, url.searchParams.get('comp') ?? '', path].filter((part) => part !== '').join(' '),
    );
  };
  started.subscribe(note);
  try {
    await work();
  } finally {
    started.unsubscribe(note);
  }
  return calls;
}
