import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { sendBytes, serve, type TestServer } from './server.ts';

/**
 * What object storage is to a registry: serves a distribution registry's data directory, with ranges. The
 * registry's `redirect` middleware sends clients here.
 */
export async function startStorage(dataDirectory: string): Promise<TestServer> {
  const files = new Map<string, Promise<Buffer>>();
  return serve(async (request, response) => {
    // As Azure and S3 have it: two kinds of authorization are one too many.
    if (request.headers.authorization !== undefined) return response.writeHead(400).end();
    const file = path.join(dataDirectory, path.normalize(new URL(request.url, 'http://storage').pathname));
    const bytes = files.get(file) ?? readFile(file);
    files.set(file, bytes);
    return sendBytes(request, response, await bytes);
  });
}
