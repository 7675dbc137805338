import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { RegistryClient, type RegistryOptions } from '../../../src/registry/client.ts';
import type { RegistryEvent } from '../../../src/registry/exchange/events.ts';
import { type ImageReference, parseReference } from '../../../src/image/reference.ts';
import { OCI_MANIFEST } from '../../../src/image/mediaTypes.ts';
import { sha256Of } from '../../../src/image/digest.ts';
import { clientSettings } from './clientSettings.ts';
import type { SampleImage } from './samples.ts';
import { type SeenRequest, sendBytes, serve, type TestServer } from './server.ts';

/** Waits short enough for a test, and no shorter than a busy machine needs. */
export const QUICK = {
  attempts: 4,
  backoffFirstMs: 1,
  backoffMaxMs: 5,
  connectMs: 5_000,
  headersMs: 5_000,
  patientHeadersMs: 5_000,
  stallMs: 200,
  idleMs: 300,
  documentMs: 2_000,
  longestWaitMs: 1_500,
  downFirstMs: 1,
  downMaxMs: 5,
  doubtMs: 5_000,
};

/** Answers a request itself, or returns false to leave it to the registry. */
export type Misbehaviour = (request: SeenRequest, response: ServerResponse) => boolean | Promise<boolean>;

export interface FakeRegistry extends TestServer {
  /** What the registry does differently from now on. */
  misbehave: Misbehaviour;
  readonly events: RegistryEvent[];
  readonly client: RegistryClient;
  ref(repository?: string, tag?: string): ImageReference;
  /** Requests for blobs so far. */
  blobRequests(): SeenRequest[];
}

/**
 * One image under every name, served by a well-behaved registry whose every answer a test can replace, and a
 * client to pull with. For what the real registry cannot be made to do.
 */
export async function startFakeRegistry(
  image: SampleImage,
  options: Partial<RegistryOptions> = {},
  others: readonly TestServer[] = [],
): Promise<FakeRegistry> {
  const fake: { misbehave: Misbehaviour } = { misbehave: () => false };
  const server = await serve(async (request, response) => {
    if (await fake.misbehave(request, response)) return;
    const [, kind, name = ''] = /^\/v2\/.+\/(manifests|blobs)\/([^/?]+)$/.exec(request.url) ?? [];
    const blob = image.blobs.get(name);
    if (kind === 'manifests') {
      const headers = { 'content-type': OCI_MANIFEST, 'docker-content-digest': sha256Of(image.manifest) };
      sendBytes(request, response, image.manifest, headers);
    } else if (kind === 'blobs' && blob !== undefined) {
      sendBytes(request, response, blob, { 'content-type': 'application/octet-stream' });
    } else {
      response.writeHead(404).end();
    }
  });
  const events: RegistryEvent[] = [];
  const client = new RegistryClient({
    ...clientSettings({ insecure: [server, ...others].map(({ host }) => host) }),
    timing: QUICK,
    log: (event) => events.push(event),
    ...options,
  });
  return Object.assign(fake, server, {
    events,
    client,
    ref: (repository = 'team/sample', tag = '1') => parseReference(`${server.host}/${repository}:${tag}`),
    blobRequests: () => server.seen.filter(({ url }) => url.includes('/blobs/')),
    close: async () => {
      await client.close();
      await server.close();
    },
  });
}

/** The next answers, so many of them, are this one. */
export function failing(
  registry: FakeRegistry,
  times: number,
  status: number,
  headers: OutgoingHttpHeaders = {},
  body = '',
): void {
  let left = times;
  registry.misbehave = (_request, response) => {
    if (left-- <= 0) return false;
    response.writeHead(status, headers).end(body);
    return true;
  };
}
