import {
  createHttpHeaders,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
} from '@azure/core-rest-pipeline';
import { CacheError } from '../../errors.ts';
import { parseJsonObject } from '../../image/json.ts';
import type { Subject } from '../auth/authentication.ts';
import type { Endpoint } from '../auth/endpoint.ts';
import { answerError } from '../exchange/answerError.ts';
import { type RetryContext, withRetries } from '../exchange/retry.ts';
import { printableHost } from '../net/egressRules.ts';
import { webPage } from '../traffic/fault.ts';

/** A page of a hundred tags has 50 KB. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** What a list is read with. */
export interface Lister {
  readonly endpoint: Endpoint;
  readonly context: RetryContext;
}

/**
 * How Azure's SDK reaches a registry: over this client's own connections, so that the egress rules, the sign-in, the
 * retries and the lines hold here too. It signs in by itself and hands on no refusal, so that the SDK's own sign-in,
 * which knows only some of the credentials, has nothing to do.
 * @param mostPages after which the list is taken for an endless one
 */
export function acrHttpClient(
  { endpoint, context }: Lister,
  subject: Subject,
  mostPages: number,
): HttpClient {
  let pages = 0;
  const { host } = subject.registryUrl;
  return {
    sendRequest: (request) =>
      withRetries(context, host, `listing ${subject.image}`, undefined, async () => {
        pages += 1;
        if (pages > mostPages) throw wrongList(subject, `its list does not end after ${mostPages} pages`);
        // The next page's address is the registry's word, and the token goes there.
        const { host: named, pathname, search } = new URL(request.url);
        if (named !== host) throw wrongList(subject, 'its list goes on at another host');
        const path: `/${string}` = `/${pathname.slice(1)}${search}`;
        const headers = { accept: 'application/json' };
        const answer = await endpoint.askAt(subject, path, { method: 'GET', headers });
        if (answer.status !== 200) throw await answerError(answer, subject);
        if (answer.isWebPage) throw webPage(answer, 'a list');
        const isList = (bytes: Uint8Array): boolean => parseJsonObject(text(bytes)) !== undefined;
        const bytes = await answer.document(MAX_PAGE_BYTES, isList);
        if (bytes === undefined || !isList(bytes)) throw wrongList(subject, 'it answered with no list');
        return response(request, bytes, answer.header('link'));
      }),
  };
}

/** What a registry says that is no list of the kind. */
export function wrongList({ image, registryUrl }: Subject, why: string, cause?: unknown): CacheError {
  return new CacheError(
    'registry_unavailable',
    `${image} cannot be listed: ${printableHost(registryUrl)} is not the Azure Container Registry that it is taken for, since ${why}.`,
    { retryable: false, cause },
  );
}

function response(request: PipelineRequest, bytes: Uint8Array, link: string | undefined): PipelineResponse {
  const headers = createHttpHeaders({
    'content-type': 'application/json',
    ...(link !== undefined && { link }),
  });
  return { request, status: 200, headers, bodyAsText: text(bytes) };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
