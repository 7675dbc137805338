import { CacheError } from '../../errors.ts';
import { printableHost } from '../net/egress.ts';
import type { Answer } from './answer.ts';
import { describeErrors, type ErrorBody } from './errorBody.ts';
import { Fault } from './fault.ts';
import { describeQuota, type Quota, readQuota } from './quota.ts';
import { transientReason } from './retry.ts';
import { parseRetryAfter } from './retryAfter.ts';

/** Docker Hub's window slides over six hours and its 429 names no time: looking every quarter is polite. */
const SPENT_QUOTA_RETRY_MS = 15 * 60 * 1000;
/** A window longer than this is a quota of pulls, not a limit on how fast they come. */
const QUOTA_WINDOW_SECONDS = 3600;

/** What an answer that is not the wanted one means, in terms of the image. */
export async function answerError(answer: Answer, image: string): Promise<Fault | CacheError> {
  const { status, url } = answer;
  const host = printableHost(url);
  const body = await answer.errorBody();
  const transient = transientReason(status);
  if (transient !== undefined) return transientFault(answer, body, transient);
  switch (status) {
    case 401:
    case 403:
      return denied(image, host, body);
    case 404:
      return new CacheError(
        'image_not_found',
        `${image} is not at ${host}.${quoted(body)} Check the name and the tag.`,
      );
    default:
      return new CacheError(
        'registry_unavailable',
        `${host} answered ${status} for ${image}, which is not understood.${quoted(body)}`,
        { retryable: false },
      );
  }
}

function transientFault({ status, headers }: Answer, body: ErrorBody, reason: string): Fault {
  const quota = readQuota(headers);
  const said = describeErrors(body.errors);
  const left = quota === undefined ? '' : `; ${describeQuota(quota)}`;
  return new Fault(`${reason}${said === '' ? '' : `, "${said}"`}${left}`, {
    code: status === 429 ? 'registry_throttled' : 'registry_unavailable',
    retryAfterMs:
      parseRetryAfter(headers['retry-after']) ??
      parseRetryAfter(headers['x-retry-after']) ??
      (isQuotaSpent(body, quota) ? SPENT_QUOTA_RETRY_MS : undefined),
  });
}

function isQuotaSpent({ status, errors }: ErrorBody, quota: Quota | undefined): boolean {
  if (status !== 429) return false;
  if (quota?.remaining === 0 && quota.windowSeconds > QUOTA_WINDOW_SECONDS) return true;
  return errors.some(({ message }) => /pull rate limit/i.test(message));
}

export function denied(image: string, host: string, body: ErrorBody): CacheError {
  const acr = /\.azurecr\.(io|cn|us)$/.test(host)
    ? ' or give the app its identity the AcrPull role on the registry (ACR_IDENTITY_CLIENT_ID names a user-assigned one)'
    : '';
  return new CacheError(
    'registry_denied',
    `${host} refused ${image} (${body.status}): it does not exist there or needs credentials.${quoted(body)} Check the name; for a private image, give credentials for the host in DOCKER_AUTH_CONFIG${acr}.`,
  );
}

function quoted({ errors }: ErrorBody): string {
  return errors.length === 0 ? '' : ` It says: "${describeErrors(errors)}".`;
}
