import { CacheError } from '../../errors.ts';
import { readErrorText } from './body.ts';
import { printableHost } from '../net/egress.ts';
import { Fault } from './fault.ts';
import { describeQuota, readQuota } from './quota.ts';
import { transientReason } from './retry.ts';
import { parseRetryAfter } from './retryAfter.ts';
import type { Timing } from './timing.ts';
import type { Answer } from './transport.ts';

/** Docker Hub's window slides over six hours and its 429 names no time: looking every quarter is polite. */
const SPENT_QUOTA_RETRY_MS = 15 * 60 * 1000;

/** What an answer that is not the wanted one means, in terms of the image. */
export async function answerError(
  answer: Answer,
  image: string,
  timing: Timing,
): Promise<Fault | CacheError> {
  const { status, headers, url } = answer;
  const host = printableHost(url);
  const said = describeErrors(await readErrorText(answer, timing));
  const transient = transientReason(status);
  if (transient !== undefined) {
    const quota = readQuota(headers);
    const spent =
      status === 429 &&
      ((quota?.remaining === 0 && quota.windowSeconds > 3600) || /pull rate limit/i.test(said));
    const left = quota === undefined ? '' : `; ${describeQuota(quota)}`;
    return new Fault(`${transient}${said === '' ? '' : `, "${said}"`}${left}`, {
      code: status === 429 ? 'registry_throttled' : 'registry_unavailable',
      retryAfterMs:
        parseRetryAfter(headers['retry-after']) ??
        parseRetryAfter(headers['x-retry-after']) ??
        (spent ? SPENT_QUOTA_RETRY_MS : undefined),
    });
  }
  const quoted = said === '' ? '' : ` It says: "${said}".`;
  switch (status) {
    case 401:
    case 403:
      return denied(image, host, status, quoted);
    case 404:
      return new CacheError(
        'image_not_found',
        `${image} is not at ${host}.${quoted} Check the name and the tag.`,
      );
    default:
      return new CacheError(
        'registry_unavailable',
        `${host} answered ${status} for ${image}, which is not understood.${quoted}`,
        { retryable: false },
      );
  }
}

export function denied(image: string, host: string, status: number, quoted = ''): CacheError {
  const acr = /\.azurecr\.(io|cn|us)$/.test(host)
    ? ' or give the app its identity the AcrPull role on the registry (ACR_IDENTITY_CLIENT_ID names a user-assigned one)'
    : '';
  return new CacheError(
    'registry_denied',
    `${host} refused ${image} (${status}): it does not exist there or needs credentials.${quoted} Check the name; for a private image, give credentials for the host in DOCKER_AUTH_CONFIG${acr}.`,
  );
}

/**
 * The `errors` of a registry's answer as one line, or nothing of a page meant for browsers.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
export function describeErrors(text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return '';
  }
  if (typeof body !== 'object' || body === null) return '';
  const errors: readonly unknown[] =
    'errors' in body && Array.isArray(body.errors) ? body.errors.slice(0, 3) : [body];
  return errors
    .map((error) => {
      if (typeof error !== 'object' || error === null) return '';
      const field = (name: string): string => {
        const value = (error as Readonly<Record<string, unknown>>)[name];
        return typeof value === 'string' ? value : '';
      };
      return [field('code'), field('message') || field('details')].filter((part) => part !== '').join(': ');
    })
    .filter((line) => line !== '')
    .join('; ')
    .replace(/[^\x20-\x7e]/g, ' ')
    .slice(0, 300);
}
