import { CacheError } from '../../errors.ts';
import { printableHost } from '../net/egressRules.ts';
import type { Answer } from './answer.ts';
import { describeCodes, describeErrors, type ErrorBody } from './errorBody.ts';
import { Fault } from '../traffic/fault.ts';
import { describeQuota, type Quota, readQuota } from './quota.ts';
import { transientReason } from './retry.ts';
import { parseRetryAfter } from './retryAfter.ts';
import type { AskSubject } from './transport.ts';

/** Docker Hub's window slides over six hours and its 429 names no time: looking every quarter is polite. */
const SPENT_QUOTA_RETRY_MS = 15 * 60 * 1000;
/** A window longer than this is a quota of pulls, not a limit on how fast they come. */
const QUOTA_WINDOW_SECONDS = 3600;

/** Statuses of answers that say no to us; the reason is in their words. */
const REFUSED: ReadonlySet<number> = new Set([401, 403]);
const ABSENT: ReadonlySet<number> = new Set([404, 410]);
/** Codes for what is not there, which some send with another status. */
const ABSENT_CODES: ReadonlySet<string> = new Set([
  'MANIFEST_UNKNOWN',
  'NAME_UNKNOWN',
  'NAME_INVALID',
  'TAG_INVALID',
]);

/**
 * What an answer that is not the wanted one means, in terms of the image.
 * @param quotes `codes` of whoever is sent secrets in many forms: a token server
 */
export async function answerError(
  answer: Answer,
  subject: AskSubject,
  quotes: 'all' | 'codes' = 'all',
): Promise<Fault | CacheError> {
  const { status, url } = answer;
  const host = printableHost(url);
  const said = await answer.errorBody();
  const body =
    quotes === 'all' ? said : { status, errors: said.errors.map(({ code }) => ({ code, message: '' })) };
  const transient = transientReason(status);
  if (transient !== undefined) return transientFault(answer, body, transient);
  if (REFUSED.has(status)) return denied(subject, host, body);
  if (ABSENT.has(status) || body.errors.some(({ code }) => ABSENT_CODES.has(code))) {
    return new CacheError(
      'image_not_found',
      `${subject.image} is not at ${host}.${quoted(body)} Check the name and the tag.`,
    );
  }
  if (status >= 400 && status < 500) {
    return new CacheError(
      'registry_denied',
      `${host} refused ${subject.image} (${status}).${quoted(body)} Ask the registry's operator.`,
    );
  }
  if (status > 500) return transientFault(answer, body, `it answered ${status}`);
  return new Fault(`it answered ${status}, which is no answer to that`, { host, isLasting: true });
}

function transientFault({ status, headers, url }: Answer, body: ErrorBody, reason: string): Fault {
  const quota = readQuota(headers);
  const said = describeErrors(body.errors);
  const left = quota === undefined ? '' : `; ${describeQuota(quota)}`;
  return new Fault(`${reason}${said === '' ? '' : `, "${said}"`}${left}`, {
    host: printableHost(url),
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

function denied(subject: AskSubject, host: string, body: ErrorBody): CacheError {
  const { image, registryUrl } = subject;
  const registry = printableHost(registryUrl);
  if (host !== registry) {
    return new CacheError(
      'registry_denied',
      `${image} cannot be had: ${registry} sent us on to ${host}, which wants a sign-in (${body.status}); only anonymous access is used there.${quoted(body)} Ask for the image at ${host} itself, if it is known there.`,
    );
  }
  return new CacheError(
    'registry_denied',
    `${host} refused ${image} (${body.status}): it does not exist there or needs credentials.${quoted(body)} ${credentialsAdvice(host)}`,
  );
}

/** A realm's answer that is no token: it has just been shown a credential, or that there is none. */
export function tokenDenied(subject: AskSubject, realm: string, body: ErrorBody): CacheError {
  const registry = printableHost(subject.registryUrl);
  const who = realm === registry ? registry : `${realm}, which gives out the tokens of ${registry},`;
  const codes = describeCodes(body.errors);
  return new CacheError(
    'registry_denied',
    `${who} refused a token for ${subject.image} (${body.status}): the image does not exist there or needs credentials.${codes === '' ? '' : ` It says: "${codes}".`} ${credentialsAdvice(registry)}`,
  );
}

function credentialsAdvice(registry: string): string {
  const acr = /\.azurecr\.(io|cn|us)$/.test(registry)
    ? ' or give the app its identity the AcrPull role on the registry (ACR_IDENTITY_CLIENT_ID names a user-assigned one)'
    : '';
  return `Check the name; for a private image, give credentials for the host in DOCKER_AUTH_CONFIG${acr}.`;
}

function quoted({ status, errors }: ErrorBody): string {
  const said = status === 401 ? describeCodes(errors) : describeErrors(errors);
  return said === '' ? '' : ` It says: "${said}".`;
}
